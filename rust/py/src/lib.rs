//! rapidicom-py
