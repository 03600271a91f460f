//! Many things tried at once, each on a thread with a stack that holds the deepest script.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::hooks::limits::STACK_BYTES;

/// What `one` makes of each number below `count`, so many at once; in order. `done` is told how many have been
/// done, and what came of the last.
pub fn side_by_side<T: Send>(
    jobs: usize,
    count: usize,
    one: &(dyn Fn(usize) -> T + Sync),
    done: &(dyn Fn(usize, &T) + Sync),
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Vec::with_capacity(count.min(1024)));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            let outcome = one(index);
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            done(all.len() + 1, &outcome);
            all.push((index, outcome));
        }
    };
    std::thread::scope(|scope| {
        for job in 0..jobs.clamp(1, count.max(1)) {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            // Where the system gives no such thread, this one does it.
            if thread.spawn_scoped(scope, work).is_err() && job == 0 {
                work();
            }
        }
    });
    let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, outcome)| outcome).collect()
}
