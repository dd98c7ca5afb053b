//! Columns in as few bytes a row as their values allow: logs repeat themselves, and most numbers of one block are close
//! together, multiples of a unit, or all the same.

use std::sync::Arc;

/// A column of one block; what stands in it is shared by its clones. A value is `base + unit × cell`; a cell of 0 is the value 0, which means absent in most columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    base: u64,
    unit: u64,
    cells: Cells,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Cells {
    /// Every row has the value `base`.
    #[default]
    Same,
    U8(Arc<[u8]>),
    U16(Arc<[u16]>),
    U32(Arc<[u32]>),
    U64(Arc<[u64]>),
}

impl Packed {
    /// A column of `rows` rows; `values` may stop short of it, zeros follow.
    pub fn new<T: Copy + Into<u64>>(values: &[T], rows: usize) -> Packed {
        let Some(first) = values.first().map(|value| (*value).into()) else { return Packed::default() };
        if values.len() == rows && values.iter().all(|value| (*value).into() == first) {
            return Packed { base: first, ..Packed::default() };
        }
        let (mut least, mut most) = (u64::MAX, 0u64);
        for value in values {
            let value: u64 = (*value).into();
            // Zero wraps round to the largest number: only other values count for the least one.
            least = least.min(value.wrapping_sub(1));
            most = most.max(value);
        }
        if most == 0 {
            return Packed::default();
        }
        let least = least.wrapping_add(1);
        let spread = most - least;
        // Only times and durations, which are wide, have a unit.
        let wide = size_of::<T>() == 8 && spread > u64::from(u8::MAX);
        let unit = if wide { unit(values, least) } else { 1 };
        let cells = match spread / unit + 1 {
            0..=0xff => Cells::U8(cells(values, rows, least, unit)),
            0x100..=0xffff => Cells::U16(cells(values, rows, least, unit)),
            0x1_0000..=0xffff_ffff => Cells::U32(cells(values, rows, least, unit)),
            _ => {
                let raw = values.iter().map(|value| (*value).into()).chain(std::iter::repeat(0)).take(rows);
                return Packed { base: 0, unit: 1, cells: Cells::U64(raw.collect()) };
            }
        };
        Packed { base: least.wrapping_sub(unit), unit, cells }
    }

    /// A column of signed numbers, to be read with [`Packed::signed`].
    pub fn new_signed(values: &[i64]) -> Packed {
        let raw: Vec<u64> = values.iter().map(|value| value.cast_unsigned()).collect();
        Packed::new(&raw, raw.len())
    }

    /// The value of a row.
    #[inline]
    pub fn get(&self, row: usize) -> u64 {
        let cell = match &self.cells {
            Cells::Same => return self.base,
            Cells::U8(cells) => cells.get(row).copied().map(u64::from),
            Cells::U16(cells) => cells.get(row).copied().map(u64::from),
            Cells::U32(cells) => cells.get(row).copied().map(u64::from),
            Cells::U64(cells) => cells.get(row).copied(),
        };
        match cell {
            None | Some(0) => 0,
            Some(cell) => self.base.wrapping_add(self.unit.wrapping_mul(cell)),
        }
    }

    /// The value of a row, of 32 bits.
    #[inline]
    pub fn word(&self, row: usize) -> u32 {
        u32::try_from(self.get(row)).unwrap_or(u32::MAX)
    }

    /// The value of a row, of 8 bits.
    #[inline]
    pub fn byte(&self, row: usize) -> u8 {
        u8::try_from(self.get(row)).unwrap_or(u8::MAX)
    }

    /// The signed value of a row.
    #[inline]
    pub fn signed(&self, row: usize) -> i64 {
        self.get(row).cast_signed()
    }

    /// The value that every row has, where there is one.
    pub fn same(&self) -> Option<u64> {
        matches!(self.cells, Cells::Same).then_some(self.base)
    }

    /// Adds to every value but 0.
    pub fn add(&mut self, more: u64) {
        match &mut self.cells {
            Cells::Same if self.base == 0 => {}
            Cells::U64(cells) => {
                let cells = Arc::make_mut(cells).iter_mut();
                cells.filter(|cell| **cell != 0).for_each(|cell| *cell = cell.wrapping_add(more));
            }
            _ => self.base = self.base.wrapping_add(more),
        }
    }

    /// Changes every value of a column of bytes.
    pub fn change(&mut self, rows: usize, change: impl Fn(u8) -> u8) {
        if matches!(self.cells, Cells::Same) {
            self.base = change(self.byte(0)).into();
            return;
        }
        let values: Vec<u8> = (0..rows).map(|row| change(self.byte(row))).collect();
        *self = Packed::new(&values, rows);
    }
}

/// The largest of a second, a millisecond, a microsecond and a nanosecond, of which all values are multiples apart.
fn unit<T: Copy + Into<u64>>(values: &[T], least: u64) -> u64 {
    fn all<const UNIT: u64, T: Copy + Into<u64>>(values: &[T], least: u64) -> bool {
        values.iter().map(|value| (*value).into()).all(|value| value == 0 || (value - least).is_multiple_of(UNIT))
    }
    if !all::<1_000, T>(values, least) {
        1
    } else if !all::<1_000_000, T>(values, least) {
        1_000
    } else if !all::<1_000_000_000, T>(values, least) {
        1_000_000
    } else {
        1_000_000_000
    }
}

/// A cell of a column; `of` keeps the lower bits of a number that fits.
trait Cell: Copy + Default {
    fn of(number: u64) -> Self;
}

macro_rules! cell {
    ($($of:ty)+) => {
        $(impl Cell for $of {
            #[inline]
            #[expect(clippy::cast_possible_truncation, reason = "the width is chosen by the largest number")]
            fn of(number: u64) -> Self {
                number as Self
            }
        })+
    };
}

cell!(u8 u16 u32);

fn cells<T: Copy + Into<u64>, C: Cell>(values: &[T], rows: usize, least: u64, unit: u64) -> Arc<[C]> {
    // A loop for each unit: a division by a constant is a multiplication, and by one nothing.
    match unit {
        1 => filled(values, rows, |value| value.wrapping_sub(least) + 1),
        1_000 => filled(values, rows, |value| value.wrapping_sub(least) / 1_000 + 1),
        1_000_000 => filled(values, rows, |value| value.wrapping_sub(least) / 1_000_000 + 1),
        _ => filled(values, rows, |value| value.wrapping_sub(least) / 1_000_000_000 + 1),
    }
}

fn filled<T: Copy + Into<u64>, C: Cell>(values: &[T], rows: usize, cell: impl Fn(u64) -> u64) -> Arc<[C]> {
    let one = |value: &T| {
        let value: u64 = (*value).into();
        if value == 0 { C::default() } else { C::of(cell(value)) }
    };
    if values.len() == rows {
        return values.iter().map(one).collect();
    }
    let mut out = Vec::with_capacity(rows);
    out.extend(values.iter().map(one));
    out.resize_with(rows, C::default);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(values: &[u64]) -> Packed {
        let packed = Packed::new(values, values.len());
        let back: Vec<u64> = (0..values.len()).map(|row| packed.get(row)).collect();
        assert_eq!(back, values, "{packed:?}");
        packed
    }

    #[test]
    fn every_value_comes_back() {
        assert_eq!(round(&[]).same(), Some(0));
        assert_eq!(round(&[0, 0]).same(), Some(0));
        assert_eq!(round(&[7, 7, 7]).same(), Some(7));
        assert!(matches!(round(&[0, 7, 7]).cells, Cells::U8(_)));
        assert!(matches!(round(&[1000, 1254, 1001]).cells, Cells::U8(_)));
        assert!(matches!(round(&[1000, 1255, 1001]).cells, Cells::U16(_)));
        assert!(matches!(round(&[1_000_001, 66_000_001, 0, 2_000_001]).cells, Cells::U8(_)));
        assert!(matches!(round(&[1, u64::from(u32::MAX)]).cells, Cells::U32(_)));
        assert!(matches!(round(&[1, u64::MAX, 0]).cells, Cells::U64(_)));
        assert!(matches!(round(&[2, 2 + u64::from(u32::MAX)]).cells, Cells::U64(_)));
    }

    #[test]
    fn short_columns_are_filled_with_zeros() {
        let packed = Packed::new(&[5u32, 5], 4);
        assert_eq!((0..5).map(|row| packed.get(row)).collect::<Vec<_>>(), [5, 5, 0, 0, 0]);
    }

    #[test]
    fn signed_values_can_be_moved() {
        for values in [[-5i64, 3, 0], [1_700_000_000_000_000_000, 1_700_000_000_001_000_000, 0]] {
            let mut packed = Packed::new_signed(&values);
            packed.add(10);
            let back: Vec<i64> = (0..3).map(|row| packed.signed(row)).collect();
            assert_eq!(back, values.map(|v| if v == 0 { 0 } else { v + 10 }));
        }
    }

    #[test]
    fn bytes_can_be_changed() {
        let mut same = Packed::new(&[2u8, 2], 2);
        same.change(2, |b| b | 1);
        assert_eq!(same.same(), Some(3));
        let mut mixed = Packed::new(&[0u8, 9], 2);
        mixed.change(2, |b| b + 1);
        assert_eq!((mixed.byte(0), mixed.byte(1)), (1, 10));
    }
}
