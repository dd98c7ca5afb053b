//! What stands for a leaking call site when reports are compared: lines move between versions, functions stay.

use super::{CallSite, Leak};
use serde_json::Value;

/// `java:net.shop.Dao.load`, else the file, else the endpoint.
pub fn identity(language: Option<&str>, function: Option<&str>, file: Option<&str>, endpoint: Option<&str>) -> String {
    let name = function.or(file).or(endpoint).unwrap_or("unattributed");
    format!("{}:{name}", language.unwrap_or(""))
}

/// The identity of a leak.
pub fn of(leak: &Leak) -> String {
    let site = leak.call_site.as_ref();
    let text = |field: fn(&CallSite) -> &Option<String>| site.and_then(|s| field(s).as_deref());
    identity(text(|s| &s.language), text(|s| &s.function), text(|s| &s.file), leak.endpoint.as_deref())
}

/// The identity of a leak in an earlier report's JSON.
pub fn of_json(leak: &Value) -> String {
    let text = |key: &str| leak["call_site"][key].as_str();
    identity(text("language"), text("function"), text("file"), leak["endpoint"].as_str())
}

/// The place in words: `ShipmentService.java:19`, else the function, else the endpoint.
pub fn place(leak: &Leak) -> String {
    let site = leak.call_site.as_ref();
    let file = site.and_then(|s| s.file.as_ref().map(|f| s.line.map_or_else(|| f.clone(), |line| format!("{f}:{line}"))));
    let found = file.or_else(|| site.and_then(|s| s.function.clone())).or_else(|| leak.endpoint.clone());
    super::text::clean(&found.unwrap_or_else(|| "not attributed".into()))
}
