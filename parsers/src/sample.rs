//! A sample of a file's lines, on which formats are recognised.

/// Some lines of a file, in their order, without line ends; blank lines are left out.
#[derive(Debug, Clone)]
pub struct Sample<'a> {
    /// The lines.
    pub lines: Vec<&'a [u8]>,
}

impl<'a> Sample<'a> {
    /// The lines of a piece of text; a last line without a line end counts only when it is the only one (it may be cut).
    pub fn of_bytes(bytes: &'a [u8]) -> Sample<'a> {
        let mut lines: Vec<&[u8]> = Vec::new();
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, tail) = rest.split_at(end);
            lines.push(line.strip_suffix(b"\r").unwrap_or(line));
            rest = tail.get(1..).unwrap_or_default();
        }
        if !rest.is_empty() && lines.is_empty() {
            lines.push(rest);
        }
        lines.retain(|line| !line.iter().all(u8::is_ascii_whitespace));
        Sample { lines }
    }

    /// The lines of a whole file: its last line counts, whether or not it has a line end.
    pub fn of_whole(bytes: &'a [u8]) -> Sample<'a> {
        let mut sample = Sample::of_bytes(bytes);
        let last = bytes.get(memchr::memrchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1)..).unwrap_or_default();
        if !last.trim_ascii().is_empty() {
            sample.lines.push(last);
        }
        sample
    }

    /// The share of lines for which `test` holds, 0 to 1; 0 for an empty sample.
    pub fn share(&self, test: impl Fn(&[u8]) -> bool) -> f64 {
        if self.lines.is_empty() {
            return 0.0;
        }
        self.lines.iter().filter(|line| test(line)).count() as f64 / self.lines.len() as f64
    }

    /// The first line for which `test` gives something.
    pub fn find<T>(&self, test: impl Fn(&'a [u8]) -> Option<T>) -> Option<T> {
        self.lines.iter().find_map(|line| test(line))
    }
}
