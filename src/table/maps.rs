//! Maps and sets by keys that the table gave out itself (codes, ids, places): hashed fast, and alike in every run.

use foldhash::fast::FixedState;

/// A map; made with `default()`.
pub type HashMap<K, V> = std::collections::HashMap<K, V, FixedState>;

/// A set; made with `default()`.
pub type HashSet<K> = std::collections::HashSet<K, FixedState>;
