//! Which addresses are ours: a table that threads change without locks and a signal handler reads.
//!
//! No locks, because a handler may not take one and because a child of `fork` would inherit one held by a thread it
//! does not have. The table is a static of zeros: pages of it that were never used cost nothing. Taking and giving
//! back a slot is O(1) through a list of free slots; finding an address is a walk over the used slots, some tens of
//! microseconds for 65,536 maps, paid once per truncated map since the handler covers all that is left of it.
//!
//! All accesses are `SeqCst`: one order of events that every thread and every handler agrees on, for tens of
//! nanoseconds next to a microsecond of `mmap`.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};

/// Slots there are. The kernel's default of maps per process is 65,530 (`vm.max_map_count`), of which we take half.
const SLOTS: usize = 65_536;
const DEFAULT_MAX_MAP_COUNT: u32 = 65_530;

struct Slot {
    /// Odd while the slot describes a map; grows by one with each change, so a reader sees that it read half of two.
    version: AtomicU32,
    /// The next free slot + 1; 0 ends the list.
    next_free: AtomicU32,
    start: AtomicUsize,
    end: AtomicUsize,
    writable: AtomicBool,
    faulted: AtomicBool,
}

impl Slot {
    const fn empty() -> Slot {
        Slot {
            version: AtomicU32::new(0),
            next_free: AtomicU32::new(0),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            writable: AtomicBool::new(false),
            faulted: AtomicBool::new(false),
        }
    }
}

static TABLE: [Slot; SLOTS] = [const { Slot::empty() }; SLOTS];
/// Slots that were ever used: the walk's end.
static USED: AtomicU32 = AtomicU32::new(0);
/// A count of changes (high half), the first free slot + 1 (low half): the count makes a stale exchange fail.
static FREE: AtomicU64 = AtomicU64::new(0);
/// Slots taken now.
static LIVE: AtomicU32 = AtomicU32::new(0);
/// Slots that may be taken; 0 until it is known.
static ROOM: AtomicU32 = AtomicU32::new(0);

/// A slot of the table, given back when dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    index: u32,
}

/// A registered map that holds an address.
pub(crate) struct Found {
    slot: &'static Slot,
    /// First byte, at the start of a page.
    pub(crate) start: usize,
    /// One past the last byte, at the end of a page.
    pub(crate) end: usize,
    /// Whether its owner may write to it.
    pub(crate) writable: bool,
}

impl Registration {
    /// Takes a slot; none are left when half of the process's maps are ours: threads and allocators need the rest.
    pub(crate) fn take() -> Option<Registration> {
        if LIVE.fetch_add(1, SeqCst) >= room() {
            LIVE.fetch_sub(1, SeqCst);
            return None;
        }
        match pop_free()
            .or_else(|| Some(USED.fetch_add(1, SeqCst)).filter(|index| (*index as usize) < SLOTS))
        {
            Some(index) => Some(Registration { index }),
            None => {
                USED.fetch_sub(1, SeqCst);
                LIVE.fetch_sub(1, SeqCst);
                None
            }
        }
    }

    /// Says which addresses the slot stands for, whole pages. Before this no handler finds it.
    pub(crate) fn publish(&self, start: usize, end: usize, writable: bool) {
        if let Some(slot) = self.slot() {
            slot.start.store(start, SeqCst);
            slot.end.store(end, SeqCst);
            slot.writable.store(writable, SeqCst);
            slot.faulted.store(false, SeqCst);
            slot.version.fetch_add(1, SeqCst);
        }
    }

    /// Whether a fault was caught in the map.
    pub(crate) fn faulted(&self) -> bool {
        self.slot().is_some_and(|slot| slot.faulted.load(SeqCst))
    }

    /// No handler finds the slot from here on.
    pub(crate) fn withdraw(&self) {
        if let Some(slot) = self
            .slot()
            .filter(|slot| slot.version.load(SeqCst) % 2 == 1)
        {
            slot.version.fetch_add(1, SeqCst);
        }
    }

    fn slot(&self) -> Option<&'static Slot> {
        TABLE.get(self.index as usize)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.withdraw();
        push_free(self.index);
        LIVE.fetch_sub(1, SeqCst);
    }
}

impl Found {
    /// Tells the map's owner.
    pub(crate) fn mark_faulted(&self) {
        self.slot.faulted.store(true, SeqCst);
    }
}

/// The registered map that holds this address. Async-signal-safe: loads only.
pub(crate) fn find(address: usize) -> Option<Found> {
    let used = USED.load(SeqCst) as usize;
    TABLE.iter().take(used).find_map(|slot| {
        let version = slot.version.load(SeqCst);
        let (start, end) = (slot.start.load(SeqCst), slot.end.load(SeqCst));
        let writable = slot.writable.load(SeqCst);
        // A slot that changed meanwhile is not the one that is looked for: its map is being read, so it stays.
        let whole = version % 2 == 1 && version == slot.version.load(SeqCst);
        (whole && (start..end).contains(&address)).then_some(Found {
            slot,
            start,
            end,
            writable,
        })
    })
}

fn pop_free() -> Option<u32> {
    let mut head = FREE.load(SeqCst);
    loop {
        let index = (head as u32).checked_sub(1)?;
        let next = TABLE.get(index as usize)?.next_free.load(SeqCst);
        match FREE.compare_exchange_weak(head, changed(head, next), SeqCst, SeqCst) {
            Ok(_) => return Some(index),
            Err(now) => head = now,
        }
    }
}

fn push_free(index: u32) {
    let Some(slot) = TABLE.get(index as usize) else {
        return;
    };
    let mut head = FREE.load(SeqCst);
    loop {
        slot.next_free.store(head as u32, SeqCst);
        match FREE.compare_exchange_weak(head, changed(head, index.wrapping_add(1)), SeqCst, SeqCst)
        {
            Ok(_) => return,
            Err(now) => head = now,
        }
    }
}

fn changed(head: u64, first: u32) -> u64 {
    ((head >> 32).wrapping_add(1) << 32) | u64::from(first)
}

fn room() -> u32 {
    match ROOM.load(SeqCst) {
        0 => {
            let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
            let all = text.trim().parse::<u32>().unwrap_or(DEFAULT_MAX_MAP_COUNT);
            let room = (all / 2).clamp(1, SLOTS as u32);
            ROOM.store(room, SeqCst);
            room
        }
        known => known,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    // Addresses of this test lie where no map can: the last pages of the address space.
    const HIGH: usize = usize::MAX - (1 << 30);

    #[test]
    fn an_address_is_found_from_publish_to_withdraw() {
        let registration = Registration::take().unwrap();
        assert!(find(HIGH).is_none());
        registration.publish(HIGH, HIGH + 4096, true);
        assert!(find(HIGH - 1).is_none() && find(HIGH + 4096).is_none());
        let found = find(HIGH + 4095).unwrap();
        assert!((found.start, found.end, found.writable) == (HIGH, HIGH + 4096, true));
        assert!(!registration.faulted());
        found.mark_faulted();
        assert!(registration.faulted());
        registration.withdraw();
        assert!(find(HIGH).is_none());
        registration.publish(HIGH, HIGH + 4096, false);
        assert!(!registration.faulted());
        drop(registration);
        assert!(find(HIGH).is_none());
    }

    #[test]
    fn slots_are_never_shared_and_come_back() {
        let rounds = |seed: usize| {
            move || {
                for round in 0..2_000 {
                    let base = HIGH + (1 << 20) * (seed + 1);
                    let held: Vec<_> = (0..1 + (round + seed) % 7)
                        .map(|_| Registration::take().unwrap())
                        .collect();
                    for (k, registration) in held.iter().enumerate() {
                        registration.publish(base + 4096 * k, base + 4096 * (k + 1), false);
                    }
                    for (k, registration) in held.iter().enumerate() {
                        let found = find(base + 4096 * k).unwrap();
                        assert!(std::ptr::eq(found.slot, registration.slot().unwrap()));
                    }
                    let distinct: HashSet<_> =
                        held.iter().map(|registration| registration.index).collect();
                    assert_eq!(distinct.len(), held.len());
                }
            }
        };
        let threads: Vec<_> = (0..4)
            .map(|seed| std::thread::spawn(rounds(seed)))
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert!(USED.load(SeqCst) < 200, "slots leak: {}", USED.load(SeqCst));
    }
}
