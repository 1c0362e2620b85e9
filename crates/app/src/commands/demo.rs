//! `submeter demo`: a simulated building, read by the real gateway over real lines and sockets.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use catalog::Catalog;
use domain::Clock;
use store::{Told, Watcher};
use tokio_util::sync::CancellationToken;

use crate::board::Board;
use crate::cli::Demo;
use crate::config::Network;
use crate::exit::Exit;
use crate::house::House;
use crate::screen::Screen;
use crate::{output, signal, when};

/// The live table is drawn anew as often as this.
const FRAME: Duration = Duration::from_secs(1);
/// Plain lines come as often as this.
const LINES: Duration = Duration::from_secs(10);

/// Starts the building and shows it until told to stop, or for the time asked for.
///
/// # Errors
/// When a port or the journal cannot be opened.
pub async fn run(args: &Demo, clock: Clock) -> anyhow::Result<Exit> {
    let period = match when::optional_duration("--for", args.period.as_deref()) {
        Ok(period) => period,
        Err(told) => {
            output::message(&told);
            return Ok(Exit::Usage);
        }
    };
    // The links to the serial lines, and the journal, lie in a folder that goes with the demo.
    let folder = Folder::new()?;
    let data = args.data.clone().unwrap_or_else(|| folder.0.join("data"));
    let catalog = Catalog::shipped();
    let stop = CancellationToken::new();
    let text = simulator::House::demo(args.seed, &folder.0);
    let building = simulator::House::parse(&text, &catalog)?;
    let building = match super::simulate::with_faults(building, &args.faults) {
        Ok(building) => building,
        Err(exit) => return Ok(exit),
    };
    let running = simulator::start(building, clock.clone(), stop.clone()).await?;
    let (site, problems) = catalog::check_site(&running.site_text(), &catalog);
    let site = site.with_context(|| problems.render("demo", &running.site_text()))?;
    let board = Board::new(&site.record);
    let house = House::open(&data, catalog, clock.clone(), Network::default()).await?;
    let watcher = house.store().journal().watch();
    house.apply(site).await?;
    let over = async {
        tokio::select! {
            () = signal::told_to_stop() => {}
            () = when::pass(period) => {}
        }
    };
    let shown = show(args, board, watcher, &clock, over).await;
    house.close().await?;
    stop.cancel();
    running.ended().await;
    if let Some(data) = &args.data {
        let data = data.display();
        output::message(&format!("the journal stays: submeter readings --data {data} --latest"));
    }
    shown.map(|()| Exit::Good)
}

/// Shows the board: drawn in place on a terminal, as plain lines elsewhere.
async fn show(
    args: &Demo,
    mut board: Board,
    mut watcher: Watcher,
    clock: &Clock,
    over: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    output::line("A simulated building: two serial lines, two converters, twelve meters.")?;
    output::line("None of this is real; Ctrl-C ends it.\n")?;
    let live = !args.plain && output::terminal_width().is_some();
    let mut frames = tokio::time::interval(if live { FRAME } else { LINES });
    let mut over = std::pin::pin!(over);
    let mut screen = live.then(Screen::default);
    loop {
        tokio::select! {
            () = &mut over => {
                draw(&board, clock, screen.as_mut())?;
                return Ok(());
            }
            told = watcher.next() => match told {
                Some(Told::Batches(batches)) => batches.iter().for_each(|batch| board.take(batch)),
                Some(Told::Missed(_)) => {}
                None => return Ok(()),
            },
            _ = frames.tick() => {
                if live || !board.is_waiting() {
                    draw(&board, clock, screen.as_mut())?;
                } else {
                    frames.reset_after(FRAME); // plain lines begin when each meter was visited
                }
            }
        }
    }
}

/// Draws the board, in place where there is a screen.
fn draw(board: &Board, clock: &Clock, screen: Option<&mut Screen>) -> anyhow::Result<()> {
    let width = output::terminal_width().unwrap_or(80);
    let mut lines = board.table(clock.now()).lines(width);
    let ((alive, all), (readings, gaps)) = (board.alive(), board.counts());
    lines.push(String::new());
    lines.push(format!(
        "{alive} of {all} meters answer; {readings} readings and {gaps} gaps in the journal"
    ));
    let Some(screen) = screen else {
        lines.push(String::new());
        return output::lines(&lines);
    };
    screen.draw(&lines)
}

/// A folder of this process alone, removed when it is done.
struct Folder(PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("submeter-demo-{}", std::process::id()));
        create_private(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in the folder for temporary files is cleared by the system.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
