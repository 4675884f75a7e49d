//! rapidicom-iod
