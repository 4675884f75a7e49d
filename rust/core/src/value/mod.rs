//! Bytes of one Value Field to values, only when asked.

pub mod charset;
