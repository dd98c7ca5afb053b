//! OpenTelemetry severity numbers and their short names.
//! Source: OpenTelemetry specification, logs data model, "Field: `SeverityNumber`".

/// An OpenTelemetry severity number: 1–4 TRACE, 5–8 DEBUG, 9–12 INFO, 13–16 WARN, 17–20 ERROR, 21–24 FATAL, 0 unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Severity(pub u8);

impl Severity {
    /// Unknown.
    pub const NONE: Severity = Severity(0);
    /// TRACE.
    pub const TRACE: Severity = Severity(1);
    /// DEBUG.
    pub const DEBUG: Severity = Severity(5);
    /// INFO.
    pub const INFO: Severity = Severity(9);
    /// INFO2: a notice, more than information and less than a warning.
    pub const NOTICE: Severity = Severity(10);
    /// WARN.
    pub const WARN: Severity = Severity(13);
    /// ERROR.
    pub const ERROR: Severity = Severity(17);
    /// ERROR2: critical in syslog's sense.
    pub const CRITICAL: Severity = Severity(18);
    /// ERROR3: syslog's alert.
    pub const ALERT: Severity = Severity(19);
    /// FATAL.
    pub const FATAL: Severity = Severity(21);
    /// FATAL4: PostgreSQL's PANIC.
    pub const PANIC: Severity = Severity(24);

    /// The short name: `TRACE DEBUG INFO WARN ERROR FATAL`, empty when unknown.
    pub const fn name(self) -> &'static str {
        match self.0 {
            1..=4 => "TRACE",
            5..=8 => "DEBUG",
            9..=12 => "INFO",
            13..=16 => "WARN",
            17..=20 => "ERROR",
            21..=24 => "FATAL",
            _ => "",
        }
    }

    /// The severity that a level word means, in any case, of any common logging library; `NONE` when it is no level.
    pub fn of_word(word: &[u8]) -> Severity {
        let mut upper = [0u8; 12];
        let Some(slot) = upper.get_mut(..word.len()) else { return Severity::NONE };
        slot.copy_from_slice(word);
        slot.make_ascii_uppercase();
        match &*slot {
            b"TRACE" | b"TRCE" | b"FINEST" | b"VERBOSE" | b"TRC" | b"VRB" | b"SILLY" => Severity::TRACE,
            b"DEBUG" | b"DBUG" | b"FINER" | b"DBG" | b"DEBUG1" | b"DEBUG2" | b"DEBUG3" | b"DEBUG4" | b"DEBUG5" => {
                Severity::DEBUG
            }
            b"FINE" => Severity(6),
            b"CONFIG" => Severity(7),
            b"INFO" | b"INFORMATION" | b"LOG" | b"NOTE" | b"SYSTEM" | b"INF" | b"HTTP" => Severity::INFO,
            b"NOTICE" => Severity::NOTICE,
            b"WARN" | b"WARNING" | b"WRN" => Severity::WARN,
            b"ERROR" | b"ERR" | b"SEVERE" | b"FAIL" | b"EROR" | b"FAILURE" => Severity::ERROR,
            b"CRIT" | b"DPANIC" => Severity::CRITICAL,
            b"ALERT" => Severity::ALERT,
            b"FATAL" | b"CRITICAL" | b"EMERG" | b"FTL" | b"EMERGENCY" => Severity::FATAL,
            b"PANIC" => Severity::PANIC,
            _ => Severity::NONE,
        }
    }

    /// The severity of a syslog severity code, 0 (emergency) to 7 (debug). Source: RFC 5424 §6.2.1.
    pub const fn of_syslog(code: u8) -> Severity {
        match code {
            0 => Severity::FATAL,
            1 => Severity::ALERT,
            2 => Severity::CRITICAL,
            3 => Severity::ERROR,
            4 => Severity::WARN,
            5 => Severity::NOTICE,
            6 => Severity::INFO,
            7 => Severity::DEBUG,
            _ => Severity::NONE,
        }
    }

    /// The severity of a pino or bunyan number: 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal.
    pub const fn of_pino(level: u32) -> Severity {
        match level {
            1..=19 => Severity::TRACE,
            20..=29 => Severity::DEBUG,
            30..=39 => Severity::INFO,
            40..=49 => Severity::WARN,
            50..=59 => Severity::ERROR,
            60..=99 => Severity::FATAL,
            _ => Severity::NONE,
        }
    }
}
