//! rapidicom-codecs
