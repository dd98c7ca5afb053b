//! What every text log of PostgreSQL shares, and Pgpool-II with it: the severity words of all message catalogues, the
//! chunk marks that syslog output puts in front of lines, and the shape of its times.
//! Source: `src/backend/utils/error/elog.c` and `src/backend/po/*.po` of PostgreSQL 10 to 18.

use super::num;
use super::time::days;
use crate::severity::Severity;
use crate::stamp::{Stamp, Written};

/// What the word in front of a text says about the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The line begins a record of this severity.
    Main(Severity),
    /// The line is a further field of the record above.
    Field(Field),
}

/// The secondary fields of a record, each on a line of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `DETAIL`.
    Detail,
    /// `HINT`.
    Hint,
    /// `QUERY`: a statement that the server itself ran (inside a function).
    Query,
    /// `CONTEXT`: the stack of functions, innermost first.
    Context,
    /// `STATEMENT`: what the client sent.
    Statement,
    /// `LOCATION`: function, file and line of the server's source.
    Location,
    /// `BACKTRACE`: the server's C stack.
    Backtrace,
}

impl Field {
    /// The attribute's name, the same for every log destination.
    pub const fn name(self) -> &'static str {
        match self {
            Field::Detail => "detail",
            Field::Hint => "hint",
            Field::Query => "internal_query",
            Field::Context => "context",
            Field::Statement => "statement",
            Field::Location => "location",
            Field::Backtrace => "backtrace",
        }
    }
}

const LOG: Word = Word::Main(Severity::INFO);
const DEBUG: Word = Word::Main(Severity::DEBUG);
const INFO: Word = Word::Main(Severity::INFO);
const NOTICE: Word = Word::Main(Severity::NOTICE);
const WARNING: Word = Word::Main(Severity::WARN);
const ERROR: Word = Word::Main(Severity::ERROR);
const FATAL: Word = Word::Main(Severity::FATAL);
const PANIC: Word = Word::Main(Severity::PANIC);
const DETAIL: Word = Word::Field(Field::Detail);
const HINT: Word = Word::Field(Field::Hint);
const QUERY: Word = Word::Field(Field::Query);
const CONTEXT: Word = Word::Field(Field::Context);
const STATEMENT: Word = Word::Field(Field::Statement);
const LOCATION: Word = Word::Field(Field::Location);
const BACKTRACE: Word = Word::Field(Field::Backtrace);

/// The words of an untranslated server and what they mean; `LOG` first, because most lines have it.
const ENGLISH: &[(&str, Word)] = &[
    ("LOG", LOG),
    ("STATEMENT", STATEMENT),
    ("DETAIL", DETAIL),
    ("ERROR", ERROR),
    ("FATAL", FATAL),
    ("WARNING", WARNING),
    ("HINT", HINT),
    ("CONTEXT", CONTEXT),
    ("NOTICE", NOTICE),
    ("INFO", INFO),
    ("QUERY", QUERY),
    ("LOCATION", LOCATION),
    ("BACKTRACE", BACKTRACE),
    ("PANIC", PANIC),
    ("DEBUG1", DEBUG),
    ("DEBUG2", DEBUG),
    ("DEBUG3", DEBUG),
    ("DEBUG4", DEBUG),
    ("DEBUG5", DEBUG),
];

/// Words of the translated catalogues that differ from the English ones.
#[rustfmt::skip]
const TRANSLATED: &[(&str, Word)] = &[
    // German
    ("HINWEIS", NOTICE), ("WARNUNG", WARNING), ("FEHLER", ERROR), ("PANIK", PANIC), ("TIPP", HINT), ("ANFRAGE", QUERY),
    ("ZUSAMMENHANG", CONTEXT), ("ANWEISUNG", STATEMENT), ("ORT", LOCATION),
    // French
    ("ATTENTION", WARNING), ("ERREUR", ERROR), ("DÉTAIL", DETAIL), ("ASTUCE", HINT), ("REQUÊTE", QUERY), ("CONTEXTE", CONTEXT),
    ("INSTRUCTION", STATEMENT), ("EMPLACEMENT", LOCATION), ("PILE D'APPEL", BACKTRACE),
    // Spanish
    ("DETALLE", DETAIL), ("SUGERENCIA", HINT), ("CONSULTA", QUERY), ("CONTEXTO", CONTEXT), ("SENTENCIA", STATEMENT),
    ("UBICACIÓN", LOCATION),
    // Portuguese
    ("NOTA", NOTICE), ("AVISO", WARNING), ("ERRO", ERROR), ("PÂNICO", PANIC), ("DETALHE", DETAIL), ("DICA", HINT),
    ("COMANDO", STATEMENT), ("LOCAL", LOCATION),
    // Italian
    ("NOTIFICA", NOTICE), ("ATTENZIONE", WARNING), ("ERRORE", ERROR), ("FATALE", FATAL), ("PANICO", PANIC),
    ("DETTAGLI", DETAIL), ("SUGGERIMENTO", HINT), ("CONTESTO", CONTEXT), ("ISTRUZIONE", STATEMENT), ("POSIZIONE", LOCATION),
    // Swedish
    ("LOGG", LOG), ("NOTIS", NOTICE), ("VARNING", WARNING), ("FEL", ERROR), ("FATALT", FATAL), ("DETALJ", DETAIL),
    ("TIPS", HINT), ("FRÅGA", QUERY), ("KONTEXT", CONTEXT), ("SATS", STATEMENT), ("PLATS", LOCATION),
    // Russian
    ("СООБЩЕНИЕ", LOG), ("ОТЛАДКА", DEBUG), ("ИНФОРМАЦИЯ", INFO), ("ЗАМЕЧАНИЕ", NOTICE), ("ПРЕДУПРЕЖДЕНИЕ", WARNING),
    ("ОШИБКА", ERROR), ("ВАЖНО", FATAL), ("ПАНИКА", PANIC), ("ПОДРОБНОСТИ", DETAIL), ("ПОДСКАЗКА", HINT), ("ЗАПРОС", QUERY),
    ("КОНТЕКСТ", CONTEXT), ("ОПЕРАТОР", STATEMENT), ("ПОЛОЖЕНИЕ", LOCATION), ("СТЕК", BACKTRACE),
    // Ukrainian
    ("ЗАПИСУВАННЯ", LOG), ("НАЛАГОДЖЕННЯ", DEBUG), ("ІНФОРМАЦІЯ", INFO), ("ПОВІДОМЛЕННЯ", NOTICE), ("ПОПЕРЕДЖЕННЯ", WARNING),
    ("ПОМИЛКА", ERROR), ("ФАТАЛЬНО", FATAL), ("ПАНІКА", PANIC), ("ВІДОМОСТІ", DETAIL), ("УКАЗІВКА", HINT), ("ЗАПИТ", QUERY),
    ("ІНСТРУКЦІЯ", STATEMENT), ("РОЗТАШУВАННЯ", LOCATION),
    // Polish
    ("DZIENNIK", LOG), ("INFORMACJA", INFO), ("UWAGA", NOTICE), ("OSTRZEŻENIE", WARNING), ("BŁĄD", ERROR),
    ("KATASTROFALNY", FATAL), ("PANIKA", PANIC), ("SZCZEGÓŁY", DETAIL), ("PODPOWIEDŹ", HINT), ("WYRAŻENIE", STATEMENT),
    // Japanese
    ("詳細", DETAIL), ("ヒント", HINT), ("問い合わせ", QUERY), ("文脈", CONTEXT), ("文", STATEMENT), ("場所", LOCATION),
    // Chinese
    ("日志", LOG), ("调试", DEBUG), ("信息", INFO), ("注意", NOTICE), ("警告", WARNING), ("错误", ERROR), ("致命错误", FATAL),
    ("比致命错误还过分的错误", PANIC), ("详细信息", DETAIL), ("提示", HINT), ("查询", QUERY), ("上下文", CONTEXT), ("语句", STATEMENT),
    ("位置", LOCATION),
    // Korean
    ("로그", LOG), ("오류", ERROR), ("디버그", DEBUG), ("정보", INFO), ("알림", NOTICE), ("경고", WARNING), ("치명적오류", FATAL), ("손상", PANIC), ("상세정보", DETAIL),
    ("힌트", HINT), ("명령 구문", STATEMENT),
];

/// The severity or field word at the start of `text`, and where the text behind `WORD:  ` begins. The colon is followed by
/// exactly two blanks; French puts a blank (often a no-break one) in front of it as well.
pub fn word(text: &[u8]) -> Option<(Word, usize)> {
    match text {
        [b'L', b'O', b'G', b':', b' ', b' ', ..] => Some((LOG, 6)),
        [b'A'..=b'Z', ..] => {
            let width = text.iter().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count();
            let behind = text.get(width..)?;
            if behind.starts_with(b":  ") {
                let name = text.get(..width)?;
                let known = ENGLISH.iter().find(|(word, _)| word.as_bytes() == name);
                return known.map(|(_, word)| (*word, width + 3)).or_else(|| translated(text));
            }
            // Only a translated word goes on with anything else (a blank before the colon, a letter with an accent).
            if matches!(behind.first(), Some(b' ' | 0x80..)) { translated(text) } else { None }
        }
        [0xc2..=0xef, ..] => translated(text),
        _ => None,
    }
}

fn translated(text: &[u8]) -> Option<(Word, usize)> {
    TRANSLATED.iter().find_map(|(name, word)| {
        let behind = text.strip_prefix(name.as_bytes())?;
        let behind = behind.strip_prefix("\u{a0}".as_bytes()).or_else(|| behind.strip_prefix(b" ")).unwrap_or(behind);
        let behind = behind.strip_prefix(b": ")?;
        let behind = behind.strip_prefix(b" ").unwrap_or(behind);
        Some((*word, text.len() - behind.len()))
    })
}

/// The first severity or field word of a line, wherever the prefix ends: its offset, what it is, and where the text behind
/// it begins. The word stands at the line's start or behind something that is no letter or digit.
pub fn find_word(line: &[u8]) -> Option<(usize, Word, usize)> {
    let head = line.get(..400).unwrap_or(line);
    for colon in memchr::memmem::find_iter(head, b": ") {
        // The word is the run of letters in front of the colon; translated ones are tried from every place in it.
        let before = head.get(..colon)?;
        let run = before.iter().rev().take_while(|b| b.is_ascii_alphanumeric()).count();
        // A prefix may end with a number and no blank.
        let digits = num::digits(before.get(colon - run..)?);
        let letters = run - digits;
        let start = colon - letters;
        if letters > 0
            && let Some((word, end)) = line.get(start..).and_then(word)
            && start + letters == colon
        {
            return Some((start, word, start + end));
        }
        if let Some(found) = before_colon(line, colon) {
            return Some(found);
        }
    }
    None
}

/// A translated word that ends at the colon at `colon`.
fn before_colon(line: &[u8], colon: usize) -> Option<(usize, Word, usize)> {
    let head = line.get(..colon)?;
    let trimmed = head.strip_suffix("\u{a0}".as_bytes()).or_else(|| head.strip_suffix(b" ")).unwrap_or(head);
    if trimmed.len() == head.len() && head.last().is_none_or(|b| *b < 0x80) {
        return None;
    }
    let (name, word) =
        TRANSLATED.iter().filter(|(name, _)| trimmed.ends_with(name.as_bytes())).max_by_key(|(name, _)| name.len())?;
    let start = trimmed.len() - name.len();
    let alone = trimmed.get(..start)?.last().is_none_or(|b| !b.is_ascii_alphanumeric() && *b < 0x80);
    let blanks = line.get(colon + 1..)?.iter().take(2).take_while(|b| **b == b' ').count();
    alone.then_some((start, *word, colon + 1 + blanks))
}

/// The chunk mark that output to syslog puts in front of a line: message and chunk (`[8-1] `), or one of the two alone
/// (`[2] `). The first number, the second one where there is one, and the length of the mark.
pub fn chunk(line: &[u8]) -> Option<(u32, Option<u32>, usize)> {
    let body = line.strip_prefix(b"[")?;
    let width = num::digits(body);
    let first = body.get(..width).and_then(num::uint32)?;
    match body.get(width..)? {
        [b']', b' ', ..] => Some((first, None, width + 3)),
        [b'-', rest @ ..] => {
            let second = num::digits(rest);
            let number = rest.get(..second).and_then(num::uint32)?;
            rest.get(second..)?.starts_with(b"] ").then_some((first, Some(number), width + second + 4))
        }
        _ => None,
    }
}

/// The text of a continuation line without what marks it as one: a tab, rsyslog's `#011`, a chunk mark. The flag is false
/// where syslog output cut the text at a blank, so that no line end belongs between the line above and this one.
pub fn continuation(line: &[u8]) -> (&[u8], bool) {
    let (line, chunked) = match chunk(line) {
        Some((_, _, width)) => (line.get(width..).unwrap_or_default(), true),
        None => (line, false),
    };
    match line.strip_prefix(b"\t").or_else(|| line.strip_prefix(b"#011")) {
        Some(text) => (text, true),
        None => (line, !chunked),
    }
}

/// A time as PostgreSQL and PgBouncer write it, `2026-11-20 09:45:48.961 UTC`: the stamp and its width. The zone may be
/// missing; an abbreviation other than `UTC` and `GMT` leaves the time local, because names are shared (`IST`).
pub fn time(text: &[u8]) -> Option<(Stamp, usize)> {
    let head = text.first_chunk::<19>()?;
    let marks = [head[4], head[7], head[13], head[16]];
    if marks != *b"--::" || !matches!(head[10], b' ' | b'T') {
        return None;
    }
    let mut bad = 0;
    let mut two = |tens: u8, ones: u8| {
        let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
        bad |= u8::from(tens > 9) | u8::from(ones > 9);
        i32::from(tens) * 10 + i32::from(ones)
    };
    let year = two(head[0], head[1]) * 100 + two(head[2], head[3]);
    let (month, day) = (two(head[5], head[6]), two(head[8], head[9]));
    let (hour, minute, second) = (two(head[11], head[12]), two(head[14], head[15]), two(head[17], head[18]));
    if bad != 0 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 || year < 1 {
        return None;
    }
    let date = days(year, month.cast_unsigned(), day.cast_unsigned());
    let seconds = date * 86_400 + i64::from(hour * 3600 + minute * 60 + second.min(59));
    let (fraction, digits, end) = fraction(text);
    let nanos = seconds.checked_mul(1_000_000_000)?.checked_add(fraction)?;
    let (offset, width) = zone(text.get(end..).unwrap_or_default());
    let (written, shift) = offset.map_or((Written::Local, 0), |seconds| (Written::Instant, seconds));
    Some((Stamp { nanos: nanos.saturating_sub(shift * 1_000_000_000), written, digits }, end + width))
}

/// The fraction behind the seconds: nanoseconds, digits, and where it ends. Nearly always it is milliseconds.
#[inline]
fn fraction(text: &[u8]) -> (i64, u8, usize) {
    match text.get(19..) {
        Some([b'.' | b',', a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', ..]) => {
            let millis = u32::from(a - b'0') * 100 + u32::from(b - b'0') * 10 + u32::from(c - b'0');
            (i64::from(millis) * 1_000_000, 3, 23)
        }
        Some([b'.' | b',', rest @ ..]) => {
            let width = num::digits(rest.get(..rest.len().min(9)).unwrap_or_default());
            let value = rest.get(..width).and_then(num::uint).and_then(|v| i64::try_from(v).ok()).unwrap_or(0);
            let digits = u8::try_from(width).unwrap_or(0);
            (value * 10i64.pow(9 - u32::from(digits)), digits, if width > 0 { 20 + width } else { 19 })
        }
        _ => (0, 0, 19),
    }
}

/// The zone behind a time: offset in seconds where it is certain, and its width with the blank in front; 0 for none.
fn zone(text: &[u8]) -> (Option<i64>, usize) {
    match text {
        [b' ', b'U', b'T', b'C', rest @ ..] if ends(rest) => (Some(0), 4),
        [b' ', b'A'..=b'Z', ..] => {
            let name = text.get(1..).unwrap_or_default();
            let width = name.iter().take_while(|b| b.is_ascii_alphabetic()).count();
            let rest = name.get(width..).unwrap_or_default();
            let upper = name.get(..width).is_some_and(|n| n.iter().all(u8::is_ascii_uppercase));
            if !upper || !ends(rest) || width > 5 || word(name).is_some() {
                (None, 0)
            } else if name.starts_with(b"GMT") && width == 3 || width == 1 && name.starts_with(b"Z") {
                (Some(0), 1 + width)
            } else {
                (None, if width >= 2 { 1 + width } else { 0 })
            }
        }
        [b'Z', rest @ ..] if ends(rest) => (Some(0), 1),
        [b' ', rest @ ..] => signed(rest).map_or((None, 0), |(seconds, width)| (Some(seconds), width + 1)),
        _ => signed(text).map_or((None, 0), |(seconds, width)| (Some(seconds), width)),
    }
}

fn ends(rest: &[u8]) -> bool {
    rest.first().is_none_or(|b| !b.is_ascii_alphanumeric() && *b < 0x80)
}

/// `+03`, `-0330`, `+05:30`, `+05:53:28`.
fn signed(text: &[u8]) -> Option<(i64, usize)> {
    let (sign, body) = match text.split_first()? {
        (b'+', body) => (1, body),
        (b'-', body) => (-1, body),
        _ => return None,
    };
    let two = |at: usize| body.get(at..at + 2).and_then(num::uint).and_then(|v| i64::try_from(v).ok());
    let mut seconds = two(0)? * 3600;
    let mut width = 2;
    if body.get(2) == Some(&b':') {
        for scale in [60, 1] {
            if body.get(width) == Some(&b':')
                && let Some(part) = two(width + 1)
            {
                seconds += part * scale;
                width += 3;
            }
        }
    } else if let Some(minutes) = two(2) {
        seconds += minutes * 60;
        width = 4;
    }
    ends(body.get(width..).unwrap_or_default()).then_some((sign * seconds, width + 1))
}

/// The width of a time at the start of `text`, as [`time`] takes it, without reading the digits.
pub fn time_width(text: &[u8]) -> Option<usize> {
    let [b'0'..=b'9', _, _, _, b'-', _, _, b'-', _, b'0'..=b'9', b' ' | b'T', _, _, b':', _, _, b':', _, b'0'..=b'9', ..] =
        text
    else {
        return None;
    };
    let end = fraction(text).2;
    if let Some([b' ', b'U', b'T', b'C', b' ', ..]) = text.get(end..) {
        return Some(end + 4);
    }
    Some(end + zone(text.get(end..)?).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prim::time::show;

    #[test]
    fn words_of_all_catalogues_are_known() {
        for (line, start, end) in [
            ("LOG:  x", 0, 6),
            ("2026-11-20 10:00:00 UTC [1] FEHLER:  x", 28, 37),
            ("2026-11-20 10:00:00 UTC:::@:[1]:LOG:  x", 32, 38),
            ("… ASTUCE\u{a0}:  x", 4, 15),
            ("[1] СООБЩЕНИЕ:  x", 4, 25),
            ("[1] 文:  x", 4, 10),
            ("a=DETAIL: x LOG:  y", 12, 18),
            ("[x] 4711LOG:  y", 8, 14),
        ] {
            let found = find_word(line.as_bytes()).map(|(start, _, end)| (start, end));
            assert_eq!(found, Some((start, end)), "{line}");
        }
        assert_eq!(find_word(b"INFO: one blank"), None);
        assert_eq!(find_word(b"CATALOG:  x"), None);
        assert_eq!(word("致命错误:  x".as_bytes()), Some((FATAL, 15)));
    }

    #[test]
    fn times_are_read_with_any_zone() {
        for (text, want, width) in [
            ("2026-11-20 09:45:48.961 UTC [1]", "2026-11-20T09:45:48.961Z", 27),
            ("2026-11-20 06:51:40 -03 [1]", "2026-11-20T09:51:40Z", 23),
            ("2026-11-20 09:45:48 MSK [1]", "2026-11-20T09:45:48", 23),
            ("2026-11-20 09:45:48 UTC:10.0.0.5", "2026-11-20T09:45:48Z", 23),
            ("2026-11-20 09:45:48 LOG:  x", "2026-11-20T09:45:48", 19),
            ("2026-11-20 09:45:48 +0545 x", "2026-11-20T04:00:48Z", 25),
            ("2026-11-20 09:45:48.123: x", "2026-11-20T09:45:48.123", 23),
            ("2026-11-20 09:45:48 UTC-6b0017c7.6042-LOG:  ", "2026-11-20T09:45:48Z", 23),
        ] {
            let (stamp, taken) = time(text.as_bytes()).unwrap();
            assert_eq!((show(stamp).as_str(), taken), (want, width), "{text}");
            assert_eq!(time_width(text.as_bytes()), Some(width), "{text}");
        }
        assert!(time(b"2026-13-20 09:45:48 UTC").is_none());
        assert!(time(b"2026-11-20 09:4").is_none());
    }

    #[test]
    fn chunks_and_continuations_are_told_apart() {
        assert_eq!(chunk(b"[8-1] LOG:  x"), Some((8, Some(1), 6)));
        assert_eq!(chunk(b"[2] \tx"), Some((2, None, 4)));
        assert_eq!(chunk(b"[unknown] x"), None);
        assert_eq!(continuation(b"[8-2] #011  2"), (&b"  2"[..], true));
        assert_eq!(continuation(b"[8-3]  and b"), (&b" and b"[..], false));
        assert_eq!(continuation(b"\tx"), (&b"x"[..], true));
    }
}
