//! What a script may use up. All of it is set here and none left to Rhai's defaults, which are "no limit" and
//! differ between debug and release builds.

use std::cell::Cell;

use rhai::Engine;

/// Operations of one evaluation, functions and closures it calls included.
pub const MAX_OPERATIONS: u64 = 200_000;
/// Functions inside functions.
pub const MAX_CALL_DEPTH: usize = 32;
/// Expressions inside expressions, in YAML and at the top of a hook file.
pub const MAX_EXPRESSION_DEPTH: usize = 64;
/// Expressions inside expressions, in a function.
pub const MAX_FUNCTION_EXPRESSION_DEPTH: usize = 32;
/// Bytes of a text, and of all texts of a list or map together.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Elements of a list, inner lists included.
pub const MAX_LIST: usize = 4_096;
/// Entries of a map, inner maps included.
pub const MAX_MAP: usize = 512;
/// Variables that are alive at the same time.
pub const MAX_VARIABLES: usize = 512;
/// Functions of one hook file, closures included.
pub const MAX_FUNCTIONS: usize = 512;

/// Stack of a thread that runs scripts. Lists may be nested as deep as [`MAX_LIST`] and [`MAX_MAP`] allow, and
/// to compare or print one goes down as deep: some 16 MiB in a debug build, which no main thread has by default
/// (8 MiB, `ulimit -s`) and no other (2 MiB). Memory that is not used is only reserved.
pub const STACK_BYTES: usize = 64 << 20;

/// Bytes that a function of ours makes or looks through for one operation. Rhai counts a call as one, however
/// much is handed to it, and it does not count the bytes of [`super::Bytes`] at all.
const BYTES_AN_OPERATION: usize = 256;

thread_local! {
    /// Operations that functions have used up and nobody has counted yet.
    static OWED: Cell<u64> = const { Cell::new(0) };
}

/// A function makes, or looks through, so many bytes.
pub(super) fn pay(bytes: usize) {
    let operations = u64::try_from(bytes / BYTES_AN_OPERATION).unwrap_or(u64::MAX);
    OWED.set(OWED.get().saturating_add(operations));
}

/// The operations that functions have used up since the last call.
pub(super) fn owed() -> u64 {
    OWED.take()
}

/// Sets every limit.
pub(super) fn apply(engine: &mut Engine) {
    engine
        // Counted by the host, see there; this one holds for a single closure.
        .set_max_operations(MAX_OPERATIONS + 1)
        .set_max_call_levels(MAX_CALL_DEPTH)
        .set_max_expr_depths(MAX_EXPRESSION_DEPTH, MAX_FUNCTION_EXPRESSION_DEPTH)
        .set_max_string_size(MAX_TEXT_BYTES)
        .set_max_array_size(MAX_LIST)
        .set_max_map_size(MAX_MAP)
        .set_max_variables(MAX_VARIABLES)
        .set_max_functions(MAX_FUNCTIONS)
        .set_max_modules(0);
}
