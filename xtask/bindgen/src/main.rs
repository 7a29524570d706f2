//! How does the compiled shell become a module that JavaScript can load?
//!
//! The library form of wasm-bindgen's command line, because it compiles in a fifth of the time that installing the command takes and
//! is always of the version in `Cargo.lock`. Called by `cargo xtask`; not meant to be run by hand.

use std::env;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let (Some(input), Some(folder), Some(name), None) =
        (arguments.next(), arguments.next(), arguments.next(), arguments.next())
    else {
        eprintln!("usage: hallpass-bindgen INPUT.wasm FOLDER NAME");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    let made = bindgen
        .input_path(input)
        .out_name(&name.to_string_lossy())
        .typescript(true)
        // The loader brings the module itself: bundlers must not go looking for a file.
        .omit_default_module_path(true)
        .web(true)
        .and_then(|bindgen| bindgen.generate(folder));
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hallpass-bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
