//! The store and a killed process: nothing acknowledged is lost.
//!
//! The test starts itself as a child that appends and says each sequence number it was given. The
//! parent writes these down, kills the child at a random moment, and opens what is left.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{at, batch, reading};
use domain::Batch;
use store::{Kept, Store};

const FOLDER: &str = "SUBMETER_TEST_KILLED_IN";
const ROUNDS: u64 = 40;

#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    if let Some(folder) = env::var_os(FOLDER) {
        append_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(env::var("SUBMETER_SEED").map_or(7, |seed| seed.parse().unwrap()));
    println!("seed {}", random.0);
    let (mut acknowledged, mut unsaid) = (0, 0);
    for round in 0..ROUNDS {
        let said = run_and_kill(folder.path(), random.below(12), random.below(3_000));
        acknowledged = said.unwrap_or(acknowledged);
        let kept = kept(folder.path());
        let last = u64::try_from(kept.len()).unwrap();
        assert!(last >= acknowledged, "round {round}: {acknowledged} said, {last} there");
        unsaid += last - acknowledged;
        for (sequence, one) in (1..).zip(&kept) {
            assert_eq!(one.sequence, sequence, "round {round}: no holes");
            assert_eq!(one.reading, told(sequence).readings[0], "round {round}: as it was told");
        }
        acknowledged = last;
    }
    println!("{ROUNDS} kills, {acknowledged} readings acknowledged, 0 lost, {unsaid} kept unsaid");
    assert!(acknowledged > ROUNDS, "the child hardly worked: {acknowledged}");
}

/// Starts the child, hears so many acknowledgements, lets it run a little on, and kills it. Gives
/// the last number it said.
fn run_and_kill(folder: &Path, hear: u64, linger: u64) -> Option<u64> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_killed_process_loses_nothing_it_acknowledged", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut said = lines.by_ref().filter_map(|line| line.strip_prefix("kept ")?.parse().ok());
    let heard = said.by_ref().take(usize::try_from(hear).unwrap()).last();
    // Some work, so that the kill falls anywhere between two commits.
    let work = (0..linger * 50).fold(1_u64, |n, m| std::hint::black_box(n.wrapping_mul(m | 1)));
    assert!(work % 2 == 1);
    child.kill().unwrap();
    let rest = said.last(); // what was said before the kill counts, heard or not
    child.wait().unwrap();
    rest.or(heard)
}

fn append_until_killed(folder: &Path) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(folder).await.unwrap();
        let journal = store.journal();
        let last = journal.after(0, usize::MAX).await.unwrap().len();
        let mut next = u64::try_from(last).unwrap() + 1;
        loop {
            let sweep = (next..next + 1 + next % 9).map(told).collect();
            next = journal.append(sweep, at(0)).await.unwrap().last_sequence + 1;
            let mut out = std::io::stdout().lock();
            writeln!(out, "kept {}", next - 1).unwrap();
            out.flush().unwrap();
        }
    })
}

/// The reading that gets this sequence number.
fn told(sequence: u64) -> Batch {
    let second = i64::try_from(sequence).unwrap();
    batch("a", vec![reading("en_im", second, &format!("{sequence}.50"))], vec![])
}

fn kept(folder: &Path) -> Vec<Kept> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(folder).await.unwrap();
        let kept = store.journal().after(0, usize::MAX).await.unwrap();
        store.close().await.unwrap();
        kept
    })
}

/// Xorshift: the same seed gives the same kills.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
