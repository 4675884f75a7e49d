//! Bytes of one Value Field → values, only when asked: PS3.5 §6.

pub mod charset;
pub mod decimals;
pub mod number;
pub mod text;
pub mod validate;
