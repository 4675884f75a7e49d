//! rapidicom-index
