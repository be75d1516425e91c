//! The threads that share out work: a pool of this process's own.
//!
//! rayon's global pool does not outlive a fork: the new process inherits the pool but none of its threads, and waits for them for ever.
//! Python forks (`multiprocessing`, servers that load first), so a process that finds another's pool makes one for itself.

use std::sync::atomic::{AtomicPtr, Ordering};

use rayon::{ThreadPool, ThreadPoolBuilder};

struct Owned {
    process: u32,
    pool: ThreadPool,
}

static OWNED: AtomicPtr<Owned> = AtomicPtr::new(std::ptr::null_mut());

/// Does `work`, whose parallel iterators run on the threads of this process.
pub fn share_out<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    pool().install(work)
}

fn pool() -> &'static ThreadPool {
    let process = std::process::id();
    loop {
        let found = OWNED.load(Ordering::Acquire);
        // SAFETY: null, or what was leaked below and is never written again.
        if let Some(owned) = unsafe { found.as_ref() }
            && owned.process == process
        {
            return &owned.pool;
        }
        let pool = ThreadPoolBuilder::new()
            .build()
            .or_else(|_| ThreadPoolBuilder::new().num_threads(1).build())
            .unwrap_or_else(|why| panic!("no threads can be started: {why}"));
        let made = Box::into_raw(Box::new(Owned { process, pool }));
        // A pool from before a fork stays where it is: to end it would be to talk with its threads.
        if OWNED
            .compare_exchange(found, made, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            // SAFETY: another thread was quicker, so nobody else has seen this one.
            drop(unsafe { Box::from_raw(made) });
        }
    }
}
