//! What data sets mean: PS3.3 (information object definitions).
//!
//! | module | what |
//! |---|---|
//! | [`image`] | the Image Pixel Module of a data set: how its frames lie, where they are |
//! | [`verify`] | all that is not as the standard wants it, at all depths |
#![forbid(unsafe_code)]

pub mod image;
pub mod verify;
