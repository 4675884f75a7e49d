//! rapidicom-source
