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

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use rayon::prelude::*;

    use super::{pool, share_out};

    #[test]
    fn all_who_ask_at_once_share_one_pool() {
        let (many, all_here) = (8, Barrier::new(8));
        let pools: Vec<usize> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..many)
                .map(|n| {
                    let all_here = &all_here;
                    scope.spawn(move || {
                        all_here.wait();
                        let sum: u64 = share_out(|| (0..=n).into_par_iter().sum());
                        assert_eq!(sum, n * (n + 1) / 2);
                        std::ptr::from_ref(pool()).addr()
                    })
                })
                .collect();
            asking.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(pools, vec![pools[0]; pools.len()]);
    }
}
