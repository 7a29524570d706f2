//! How is the wasm module built on a machine that may not have the target?
//!
//! Three ways, tried in this order, and the one taken is said: the target of the toolchain in use; rustup adds it; Debian's own
//! compiler builds the standard library from source (its rustc is another one, so it has its own target folder).

use std::fs;
use std::path::{Path, PathBuf};

use crate::node::{self, Node, is_newer};
use crate::shell::{self, Failure, Result, cargo, command, root, run, target};
use crate::tools;

/// Builds the module with its glue and types into `bindings/npm/wasm` and returns the module's path.
pub(crate) fn build() -> Result<PathBuf> {
    let compiled = compile()?;
    let folder = root().join("bindings/npm/wasm");
    let module = folder.join(format!("{NAME}_bg.wasm"));
    if is_newer(&module, &compiled) {
        eprintln!("   {} is up to date", module.display());
        return Ok(module);
    }
    let node = node::of_the_machine()?;
    fs::create_dir_all(&folder).map_err(|error| Failure::new(format!("cannot make {}: {error}", folder.display())))?;
    // Until the last step is done there is no module, so that an interrupted build is not taken for a finished one.
    if module.exists() {
        fs::remove_file(&module)
            .map_err(|error| Failure::new(format!("cannot remove {}: {error}", module.display())))?;
    }
    let glue = target().join("wasm-glue");
    run(cargo(&["run", "--quiet", "--package", "hallpass-bindgen", "--"]).args([&compiled, &glue]).arg(NAME))?;
    for file in [format!("{NAME}.js"), format!("{NAME}.d.ts"), format!("{NAME}_bg.wasm.d.ts")] {
        fs::copy(glue.join(&file), folder.join(&file))
            .map_err(|error| Failure::new(format!("cannot copy {file} to {}: {error}", folder.display())))?;
    }
    optimise(&node, &glue.join(format!("{NAME}_bg.wasm")), &module)?;
    Ok(module)
}

/// Whether the module of an earlier build is there.
pub(crate) fn is_built() -> bool {
    root().join("bindings/npm/wasm").join(format!("{NAME}_bg.wasm")).is_file()
}

fn optimise(node: &Node, input: &Path, module: &Path) -> Result {
    let binaryen = root().join("xtask/tools/binaryen");
    node.install(&binaryen)?;
    // Named again after it is whole: see `build`.
    let unfinished = module.with_extension("unfinished");
    let mut command = node.node(&root());
    command.arg(binaryen.join("node_modules/binaryen/bin/wasm-opt")).args(OPTIMISE).arg(input).arg("-o");
    run(command.arg(&unfinished))?;
    fs::rename(&unfinished, module).map_err(|error| Failure::new(format!("cannot write {}: {error}", module.display())))
}

fn compile() -> Result<PathBuf> {
    if has_target() {
        shell::say("wasm: compiling with the toolchain's own target");
        return compile_here();
    }
    if tools::is_on_path("rustup") {
        shell::say("wasm: asking rustup for the target");
        let added = run(command("rustup", &root()).args(["target", "add", TARGET]));
        if added.is_ok() && has_target() {
            return compile_here();
        }
    }
    shell::say("wasm: rustup cannot add the target here; compiling with Debian's rustc-web, standard library included");
    compile_with_debian()
}

/// Whether the toolchain in use has the target's standard library.
fn has_target() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = shell::output(command(rustc, &root()).args(["--print", "sysroot"]));
    sysroot.is_some_and(|sysroot| Path::new(&sysroot).join("lib/rustlib").join(TARGET).join("lib").is_dir())
}

fn compile_here() -> Result<PathBuf> {
    run(cargo(&BUILD).env_remove("RUSTFLAGS").env(FLAGS_OF_TARGET, FLAGS))?;
    Ok(compiled_in(&target()))
}

fn compile_with_debian() -> Result<PathBuf> {
    let present =
        ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/bin/wasm-ld-19"].iter().all(|file| Path::new(file).exists());
    if !present || !Path::new("/usr/lib/rustlib/src/rust/library").exists() {
        tools::apt(
            &DEBIAN,
            "to build the wasm module (or give the toolchain its target: `rustup target add wasm32-unknown-unknown`)",
        )?;
    }
    let folder = target().join("wasm-debian");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut build = command("/usr/bin/cargo", &root());
    build.args(BUILD).args(["-Z", "build-std=std,panic_abort"]);
    build.env("CARGO_TARGET_DIR", &folder).env("PATH", format!("/usr/bin:{path}"));
    build.env(FLAGS_OF_TARGET, FLAGS);
    build.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
    build.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-19");
    // Set by the toolchain that runs xtask, and not meant for this one.
    for variable in [
        "CARGO",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTDOC",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "LD_LIBRARY_PATH",
    ] {
        build.env_remove(variable);
    }
    run(&mut build)?;
    Ok(compiled_in(&folder))
}

fn compiled_in(folder: &Path) -> PathBuf {
    folder.join(TARGET).join("wasm").join(format!("{NAME}.wasm"))
}

const NAME: &str = "hallpass_wasm";
const TARGET: &str = "wasm32-unknown-unknown";
const BUILD: [&str; 9] =
    ["build", "--quiet", "--locked", "--package", "hallpass-wasm", "--profile", "wasm", "--target", TARGET];
/// Rounds of the SHA-2 functions as loops: slower in bulk, of which there is none, and smaller.
const FLAGS: &str = "--cfg sha2_backend_soft=\"compact\"";
const FLAGS_OF_TARGET: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS";
const DEBIAN: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];
/// What every runtime that Hallpass supports understands, and nothing newer.
const OPTIMISE: [&str; 7] = [
    "-Os",
    "--enable-bulk-memory",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-multivalue",
];
