//! What may be typed.

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Reconstructs outages from logs: who opened which connection, which were never closed, and the line of code that
/// opened them.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, arg_required_else_help = true, max_term_width = 100)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
    #[command(flatten)]
    pub(super) input: Input,
    #[command(flatten)]
    pub(super) tui: TuiOptions,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// The interactive timeline; what paths alone open on a terminal
    Tui {
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        options: TuiOptions,
    },
    /// The report: leaking call sites, ledger, timeline, what was not understood
    ///
    /// A --tz without a pattern ('--tz America/Bogota') is the zone of files that do not state theirs, and the zone that HTML
    /// shows times in.
    Report {
        #[command(flatten)]
        input: Input,
        /// How to write it
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
        /// The objective that requests are measured by, in per cent of good ones: 99.9
        #[arg(long, value_name = "PERCENT", value_parser = super::plan::objective)]
        slo: Option<f64>,
        /// Who held every connection at that moment: RFC 3339, or HH:MM or HH:MM:SS of the logs' time
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// What changed against this: other logs (a path), or a time in these (FROM..TO)
        #[arg(long, value_name = "PATH|FROM..TO", conflicts_with = "at")]
        baseline: Option<String>,
        /// The source code: with --format sarif, call sites are looked up in it
        #[arg(long, value_name = "DIR")]
        source: Option<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
    /// A gate for pipelines: exits with 3 where something is found, with 4 where the logs do not tell
    Check {
        #[command(flatten)]
        input: Input,
        /// What to fail on: leak, any, or causes by name, separated by commas
        #[arg(long, value_delimiter = ',', default_value = "any", value_name = "WHAT")]
        fail_on: Vec<String>,
        /// An earlier report in JSON: only leaking sites that it does not have fail
        #[arg(long, value_name = "FILE")]
        baseline: Option<PathBuf>,
        /// How to write it; by the ending of the file to write (.xml, .sarif), else text
        #[arg(long, value_enum)]
        format: Option<CheckFormat>,
        /// The source code: in SARIF, call sites are looked up in it
        #[arg(long, value_name = "DIR")]
        source: Option<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
    /// Checks a report or postmortem against its sources: same files, and every cited line still says the same
    Verify {
        /// A document in Markdown, HTML or JSON
        document: PathBuf,
        #[command(flatten)]
        input: Input,
    },
    /// The event table in full: one row a record
    Events {
        #[command(flatten)]
        input: Input,
        /// Only rows that meet this: COLUMN=VALUE, or !=, ~ (contains), <, <=, >, >=; all of several
        #[arg(long = "where", value_name = "CONDITION")]
        conditions: Vec<String>,
        /// How to write it; by the ending of the file to write, else text
        #[arg(long, value_enum, default_value_t = TableFormat::Text)]
        format: TableFormat,
        #[command(flatten)]
        output: Output,
    },
    /// What happened, in order, for people and for other tools
    ///
    /// A --tz without a pattern ('--tz America/Bogota') is the zone to show times in.
    Timeline {
        #[command(flatten)]
        input: Input,
        /// How to write it
        #[arg(long, value_enum, default_value_t = TimelineFormat::Text)]
        format: TimelineFormat,
        #[command(flatten)]
        output: Output,
    },
    /// A draft of a postmortem: what the logs prove, with its evidence, and TODO(human) where only people know
    ///
    /// A --tz without a pattern ('--tz America/Bogota') is the zone that people lived in.
    Postmortem {
        #[command(flatten)]
        input: Input,
        /// google-sre, atlassian, pagerduty, or a template file of your own (Jinja)
        #[arg(long, value_name = "NAME|FILE")]
        template: Option<String>,
        /// How to write it; by the ending of the file to write, else Markdown
        #[arg(long, value_enum)]
        format: Option<DocumentFormat>,
        #[command(flatten)]
        output: Output,
    },
    /// The ledger in full: one row a session
    Sessions {
        #[command(flatten)]
        input: Input,
        /// Only these classes, separated by commas (`leaked,undecided`)
        #[arg(long, value_delimiter = ',')]
        class: Vec<String>,
        /// How to write it
        #[arg(long, value_enum, default_value_t = TableFormat::Text)]
        format: TableFormat,
        #[command(flatten)]
        output: Output,
    },
    /// The JSON Schema of what report --format json writes
    Schema {
        #[command(flatten)]
        output: Output,
    },
    /// Which format each file was taken for, and why
    Detect {
        #[command(flatten)]
        input: Input,
        /// How to write it
        #[arg(long, value_enum, default_value_t = DetectFormat::Text)]
        format: DetectFormat,
    },
    /// Lists the formats that can be read, or explains one
    Formats {
        /// A format's name
        name: Option<String>,
    },
}

/// Paths and how to read them.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct Input {
    /// Files, folders, patterns, archives, or - for standard input
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<String>,
    /// Zone of files that do not state theirs: 'app*.log=America/New_York' or '+02:00' for all
    #[arg(long, value_name = "GLOB=ZONE")]
    pub(super) tz: Vec<String>,
    /// Year of times that do not state theirs
    #[arg(long, value_name = "N")]
    pub(super) year: Option<i32>,
    /// Layout of files that are taken for something else: 'x.log=nginx_access'
    #[arg(long, value_name = "GLOB=NAME")]
    pub(super) format_for: Vec<String>,
    /// The log_format of a web server: nginx's '$remote_addr …', Apache's '%h %l …', or an nginx.conf that holds it
    #[arg(long, value_name = "FORMAT|FILE")]
    pub(super) log_format: Vec<String>,
    /// Stack frames that are the application's, by the beginning of their module or path
    #[arg(long, value_name = "PREFIX")]
    pub(super) in_app: Vec<String>,
    /// Stack frames that are not the application's
    #[arg(long, value_name = "PREFIX")]
    pub(super) not_in_app: Vec<String>,
    /// Hide addresses, users, secrets and SQL literals behind pseudonyms in everything that is written
    #[arg(long)]
    pub(super) redact: bool,
    /// Key of the pseudonyms: the same key gives the same ones (else BACKTRAIL_REDACT_KEY, else one of this run alone)
    #[arg(long, value_name = "KEY", requires = "redact")]
    pub(super) redact_key: Option<String>,
    /// Clocks that differ: correct those that are off beyond doubt, only show them, or leave them alone
    #[arg(long, value_enum, default_value_t = Clocks::Apply)]
    pub(super) clock: Clocks,
    /// Threads that read; all cores by default
    #[arg(short, long, value_name = "N")]
    pub(super) jobs: Option<usize>,
    /// Colour in text output
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
}

/// How the timeline behaves; its other settings are in `backtrail/config.toml` of the configuration folder.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct TuiOptions {
    /// Keep reading files that grow or rotate (timeline)
    #[arg(long)]
    pub(super) follow: bool,
    /// Letters instead of block graphics (timeline)
    #[arg(long)]
    pub(super) ascii: bool,
    /// Leave the mouse to the terminal (timeline)
    #[arg(long)]
    pub(super) no_mouse: bool,
    /// Neither bring back nor save notes (timeline)
    #[arg(long)]
    pub(super) no_restore: bool,
    /// The source code: leaking lines are shown in it (timeline)
    #[arg(long, value_name = "DIR")]
    pub(super) source: Option<PathBuf>,
}

/// Where to write.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct Output {
    /// A file instead of standard output
    #[arg(short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Overwrite the file if it exists
    #[arg(long)]
    pub(super) force: bool,
}

/// Formats of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    Text,
    Markdown,
    /// One file, no network
    Html,
    Json,
    Csv,
    /// SARIF 2.1.0: the leaking call sites for a code host
    Sarif,
    Junit,
    Openmetrics,
}

/// Formats of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TimelineFormat {
    Text,
    Markdown,
    /// One file, no network
    Html,
    /// A gantt chart in Mermaid
    Mermaid,
    /// A timeline diagram in Mermaid
    MermaidTimeline,
    Csv,
    /// Timesketch CSV, or JSON lines where the file to write ends in .jsonl
    Timesketch,
    TimesketchJsonl,
    /// Chrome trace JSON, for ui.perfetto.dev
    Perfetto,
}

/// Formats of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DocumentFormat {
    Markdown,
    Html,
}

/// Formats of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TableFormat {
    Text,
    Json,
    Csv,
    Parquet,
}

/// Formats of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CheckFormat {
    Text,
    Junit,
    Sarif,
}

/// Formats of `detect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DetectFormat {
    Text,
    Json,
}

/// What to do about clocks that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Clocks {
    Apply,
    Show,
    Off,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}
