//! The page around a document: style, script, and a policy that forbids every request.

use super::escape;
use crate::report::citations::Citations;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A whole page.
pub fn page(title: &str, body: &str, citations: &Citations) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the text</a>\n<main id=\"main\">\n{body}\n</main>\n\
         <script type=\"application/json\" id=\"citations\">{}</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        citations.json()
    )
}
