//! How the program is linked on Linux.
//!
//! At a fixed address: what a table of texts or functions points to is then known when it is linked. A start
//! touches none of the 1.3 MB of such tables that it does not use, which is a quarter of the memory that a
//! small flow needs. What it costs is the random placement of the program's own image.
//!
//! Without shared libraries, where the C library's archives are installed: of the 2 MB that the libraries
//! take in memory a small flow uses a third. The target feature `crt-static` means the same, but a build
//! script cannot ask for it, and asked for from outside it forbids proc macros unless a target is named. So
//! the linker is shown archives under the names that it is told to link, in the folder where it looks first.

use std::env::{var, var_os};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    if var("CARGO_CFG_TARGET_OS")? != "linux" {
        return Ok(());
    }
    println!("cargo::rustc-link-arg-bins=-no-pie");
    let by_the_usual_linker = var("TARGET")? == var("HOST")? && var_os("RUSTC_LINKER").is_none();
    if var("CARGO_CFG_TARGET_ENV")? == "gnu" && by_the_usual_linker {
        let folder = PathBuf::from(var("OUT_DIR")?);
        if put_archives(&folder)? {
            println!("cargo::rustc-link-arg-bins=-static");
            println!("cargo::rustc-link-arg-bins=-L{}", folder.display());
        }
    }
    Ok(())
}

/// Makes the names that every program is linked with mean archives. False if one of them is not installed.
fn put_archives(folder: &Path) -> Result<bool, Box<dyn Error>> {
    let [Some(c), Some(m), Some(gcc), Some(unwinding)] =
        ["libc.a", "libm.a", "libgcc.a", "libgcc_eh.a"].map(installed)
    else {
        return Ok(false);
    };
    // They need each other, and some linkers look into each but once.
    let all = format!("GROUP ( {c} {m} {unwinding} {gcc} )\n");
    for name in ["libc.a", "libm.a", "libgcc_s.a"] {
        fs::write(folder.join(name), &all)?;
    }
    Ok(true)
}

/// Where the C compiler finds a library; it repeats the name of one that it does not find.
fn installed(library: &str) -> Option<String> {
    let found = Command::new("cc").arg(format!("-print-file-name={library}")).output().ok()?;
    let path = String::from_utf8(found.stdout).ok()?.trim().to_owned();
    Path::new(&path).is_absolute().then_some(path)
}
