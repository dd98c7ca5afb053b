//! The table as a polars frame, for filters and for files: made only when asked for, because it is wider than the table.

use super::schema::base;
use super::{Chunk, EventTable};
use crate::error::{Error, Result};
use crate::ingest::pack::Packed;
use crate::ingest::{IntCol, LongCol, TextCol};
use polars::prelude::*;

/// The frame. Text columns hold codes into [`EventTable::strings`]; counters and long columns are stored plus one.
pub(super) fn frame(table: &EventTable) -> Result<DataFrame> {
    let mut columns: Vec<Column> = Vec::new();
    let mut add = |series: Option<Series>| columns.extend(series.map(Column::from));
    let signed = |column: &Packed, row| column.signed(row);
    add(column::<Int64Type>(table, base::TIME, |c| Some(&c.rows.time), signed));
    let bytes: [(&str, fn(&Chunk) -> Option<&Packed>); 5] = [
        (base::BASIS, |c| Some(&c.rows.basis)),
        (base::SEVERITY, |c| Some(&c.rows.severity)),
        (base::KIND, |c| Some(&c.rows.kind)),
        (base::FLAGS, |c| Some(&c.rows.flags)),
        (base::LAYOUT, |c| Some(&c.rows.layout)),
    ];
    for (name, pick) in bytes {
        add(column::<UInt8Type>(table, name, pick, Packed::byte));
    }
    add(column::<UInt64Type>(table, base::OFFSET, |c| Some(&c.rows.offset), Packed::get));
    add(column::<UInt32Type>(table, base::LENGTH, |c| Some(&c.rows.length), Packed::word));
    add(column::<UInt32Type>(table, base::LINE, |c| Some(&c.rows.line), Packed::word));
    for text in TextCol::ALL {
        add(codes(table, *text));
    }
    for int in IntCol::ALL {
        add(column::<UInt32Type>(table, int.name(), |c| seen(c.rows.ints.get(*int as usize)), Packed::word));
    }
    for long in LongCol::ALL {
        add(column::<UInt64Type>(table, long.name(), |c| seen(c.rows.longs.get(*long as usize)), Packed::get));
    }
    DataFrame::new(table.len(), columns).map_err(|e| Error::Table(e.to_string()))
}

/// A column that has a value.
fn seen(column: Option<&Packed>) -> Option<&Packed> {
    column.filter(|column| column.same() != Some(0))
}

/// A column strung together of all chunks; `None` where no chunk has a value.
fn column<'t, T: PolarsNumericType>(
    table: &'t EventTable,
    name: &str,
    pick: impl Fn(&'t Chunk) -> Option<&'t Packed>,
    value: impl Fn(&Packed, usize) -> T::Native,
) -> Option<Series>
where
    ChunkedArray<T>: IntoSeries,
{
    table.chunks.iter().any(|chunk| pick(chunk).is_some()).then(|| {
        let mut values: Vec<T::Native> = Vec::with_capacity(table.len());
        for chunk in &table.chunks {
            match pick(chunk) {
                Some(column) => values.extend((0..chunk.rows.rows).map(|row| value(column, row))),
                None => values.resize(values.len() + chunk.rows.rows, T::Native::default()),
            }
        }
        ChunkedArray::<T>::from_vec(PlSmallStr::from_str(name), values).into_series()
    })
}

fn codes(table: &EventTable, text: TextCol) -> Option<Series> {
    let of = |chunk: &'_ Chunk| chunk.rows.texts.get(text as usize).is_some_and(|column| seen(Some(column)).is_some());
    table.chunks.iter().any(of).then(|| {
        let mut values: Vec<u32> = Vec::with_capacity(table.len());
        for chunk in &table.chunks {
            values.extend((0..chunk.rows.rows).map(|row| chunk.code(text, row)));
        }
        UInt32Chunked::from_vec(PlSmallStr::from_str(text.name()), values).into_series()
    })
}

#[cfg(test)]
mod tests {
    use crate::ingest::{Options, ingest};
    use crate::source::find;

    #[test]
    fn the_frame_holds_what_the_rows_hold() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs/formats/haproxy/basic.log");
        let ingested = ingest(find::find(&[path.display().to_string()]), &Options::default(), &|_| {});
        let table = super::super::build::build(ingested.sources, ingested.strings);
        let frame = table.frame().unwrap();
        let rows = table.rows();
        assert_eq!(frame.height(), rows.iter().count());
        let times: Vec<i64> = frame.column("time").unwrap().i64().unwrap().into_no_null_iter().collect();
        assert_eq!(times, rows.iter().map(|row| row.time()).collect::<Vec<_>>());
        let clients: Vec<u32> = frame.column("client.address").unwrap().u32().unwrap().into_no_null_iter().collect();
        assert_eq!(clients, rows.iter().map(|row| row.code(crate::ingest::TextCol::Client)).collect::<Vec<_>>());
        assert!(clients.iter().any(|code| *code != 0));
    }
}
