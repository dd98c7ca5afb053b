//! Parquet files from rows of plain values: the writer that stays inside this floor.

use crate::error::{Error, Result};
use polars::prelude::*;
use polars_io::parquet::write::{BatchedWriter, ParquetWriter};
use std::io::Write;

/// Values of one column for a stretch of rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Text.
    Text(Vec<Option<String>>),
    /// Whole numbers.
    Int(Vec<Option<i64>>),
    /// Numbers.
    Float(Vec<Option<f64>>),
    /// Nanoseconds since the epoch, UTC.
    Time(Vec<Option<i64>>),
}

/// Writes stretches of rows, a row group each; every stretch has the same columns.
pub struct Writer<W: Write> {
    to: Option<W>,
    batches: Option<BatchedWriter<W>>,
}

impl<W: Write> Writer<W> {
    /// A writer that has written nothing yet.
    pub fn new(to: W) -> Writer<W> {
        Writer { to: Some(to), batches: None }
    }

    /// Writes a stretch.
    pub fn write(&mut self, columns: Vec<(&str, Values)>) -> Result<()> {
        let frame = frame(columns).map_err(|e| failed(&e))?;
        if let Some(to) = self.to.take() {
            let schema = frame.schema();
            self.batches = Some(
                ParquetWriter::new(to)
                    .with_compression(ParquetCompression::Zstd(None))
                    .batched(schema)
                    .map_err(|e| failed(&e))?,
            );
        }
        match &mut self.batches {
            Some(batches) => batches.write_batch(&frame).map_err(|e| failed(&e)),
            None => Ok(()),
        }
    }

    /// Writes the footer. Without a stretch there is no file: write an empty one for an empty table.
    pub fn finish(self) -> Result<()> {
        self.batches.map_or(Ok(()), |b| b.finish().map(|_bytes| ()).map_err(|e| failed(&e)))
    }
}

impl<W: Write> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

fn failed(problem: &PolarsError) -> Error {
    Error::Table(problem.to_string())
}

fn frame(columns: Vec<(&str, Values)>) -> PolarsResult<DataFrame> {
    let mut height = 0;
    let mut made: Vec<Column> = Vec::new();
    for (name, values) in columns {
        let name = PlSmallStr::from_str(name);
        let column: Column = match values {
            Values::Text(v) => Series::new(name, v).into(),
            Values::Int(v) => Series::new(name, v).into(),
            Values::Float(v) => Series::new(name, v).into(),
            Values::Time(v) => {
                let utc = DataType::Datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC));
                Series::new(name, v).cast(&utc)?.into()
            }
        };
        height = column.len();
        made.push(column);
    }
    DataFrame::new(height, made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars_io::SerReader;

    #[test]
    fn what_is_written_is_read_again() {
        let mut file = std::io::Cursor::new(Vec::new());
        let mut writer = Writer::new(&mut file);
        for part in 0..2 {
            let text = Values::Text(vec![Some(format!("=a{part}")), None]);
            let time = Values::Time(vec![Some(1_700_000_000_000_000_000), None]);
            writer.write(vec![("body", text), ("time", time), ("n", Values::Int(vec![None, Some(part)]))]).unwrap();
        }
        writer.finish().unwrap();
        let read = polars_io::parquet::read::ParquetReader::new(&mut file).finish().unwrap();
        assert_eq!(read.shape(), (4, 3));
        assert_eq!(read.column("body").unwrap().str().unwrap().get(2), Some("=a1"));
        assert_eq!(read.column("time").unwrap().null_count(), 2);
    }
}
