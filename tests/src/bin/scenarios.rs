//! Plays every scenario on the bare core; with `--bless` writes what it saw as what is expected, to be read before it
//! is committed; with `--record NAME` shows the record that a scenario leaves in its store.

use hallpass_conformance::hex;
use hallpass_conformance::scenario::{Scenario, bare};

fn main() {
    if let Some(name) = std::env::args().skip_while(|argument| argument != "--record").nth(1) {
        let path =
            Scenario::files().into_iter().find(|path| path.file_stem().is_some_and(|stem| stem == name.as_str()));
        let record = path.and_then(|path| bare::record(&Scenario::read(&path)));
        return println!("{}", record.map_or_else(String::new, |record| hex::encode(&record.sealed)));
    }
    let bless = std::env::args().nth(1).is_some_and(|argument| argument == "--bless");
    let mut differ = 0;
    for path in Scenario::files() {
        let lines = bare::run(&Scenario::read(&path));
        let (trace, seen) = (path.with_extension("trace"), format!("{}\n", lines.join("\n")));
        let is_same = std::fs::read_to_string(&trace).is_ok_and(|expected| expected == seen);
        if bless && !is_same {
            std::fs::write(&trace, seen).expect("a trace can be written");
        }
        differ += u32::from(!is_same);
        println!("{} {}: {} lines", if is_same { "same" } else { "differs" }, path.display(), lines.len());
    }
    std::process::exit(i32::from(differ > 0 && !bless));
}
