//! The threads that batches are spread over.
//!
//! They are ours and not rayon's own, which are started once in a process: a fork takes over their locks but none of the threads, and who asks
//! them for work waits for ever. A caller may fork whenever it likes (a server that starts its workers so, `multiprocessing`).

use std::process;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use rayon::{ThreadPool, ThreadPoolBuilder};

struct Team {
    process: u32,
    pool: Option<ThreadPool>,
}

/// Never freed: in a process that was forked there is nobody to end what is in it.
static TEAM: AtomicPtr<Team> = AtomicPtr::new(ptr::null_mut());

/// The threads of this process, one a core. None where they would not help (one core) or the system has no more to give: do the work alone.
pub fn pool() -> Option<&'static ThreadPool> {
    loop {
        let held = TEAM.load(Ordering::Acquire);
        // SAFETY: what is put there is whole and stays.
        if let Some(team) = unsafe { held.as_ref() }
            && team.process == process::id()
        {
            return team.pool.as_ref();
        }
        let pool = ThreadPoolBuilder::new().build().ok();
        let made = Box::into_raw(Box::new(Team {
            process: process::id(),
            pool: pool.filter(|pool| pool.current_num_threads() > 1),
        }));
        if TEAM
            .compare_exchange(held, made, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            // SAFETY: it comes from a box, and nobody else has seen it. Another thread was quicker.
            drop(unsafe { Box::from_raw(made) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    #[test]
    fn all_threads_get_the_same_pool() {
        let seen: Vec<_> = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| pool().map(|pool| ptr::from_ref(pool).addr())))
                .collect();
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(seen.iter().all(|one| *one == seen[0]));
    }

    #[test]
    fn a_fork_has_threads_of_its_own() {
        let sum = || pool().map_or(4950, |pool| pool.install(|| (0..100).into_par_iter().sum()));
        assert_eq!(sum(), 4950);
        // SAFETY: the child does nothing but this sum and ends at once; the parent waits for it.
        unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::alarm(20);
                libc::_exit(i32::from(sum() != 4950));
            }
            let mut status = -1;
            libc::waitpid(child, &mut status, 0);
            assert_eq!(status, 0);
        }
    }
}
