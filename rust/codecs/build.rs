//! OpenJPEG must be built without its asserts: `.cargo/config.toml` sees to it, unless it was not read.

use std::env;
use std::process::exit;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = env::var("TARGET").unwrap_or_default();
    let names = [
        "HOST_CFLAGS".to_owned(),
        "TARGET_CFLAGS".to_owned(),
        "CFLAGS".to_owned(),
        format!("CFLAGS_{target}"),
        format!("CFLAGS_{}", target.replace('-', "_")),
    ];
    for name in &names {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let has_ndebug = |name: &String| env::var(name).is_ok_and(|flags| flags.contains("-DNDEBUG"));
    if env::var_os("CARGO_FEATURE_JPEG_2000").is_some() && !names.iter().any(has_ndebug) {
        eprintln!(
            "rapidicom: set CFLAGS=-DNDEBUG, or build inside the project, whose .cargo/config.toml does. Otherwise OpenJPEG's asserts are \
             compiled in, and end the process on a malformed image."
        );
        exit(1);
    }
}
