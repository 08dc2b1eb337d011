//! `comfywright status --watch`: a run and the servers, looked at again and again. A full screen on a
//! terminal, a line for each change elsewhere.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use ratatui::{
    DefaultTerminal, Frame,
    crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers},
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Borders, Cell, Gauge, Paragraph, Row, Table},
};
use serde_json::json;

use super::{GlobalArgs, Output, plan::opened};
use crate::{
    amounts::duration_text,
    app::{
        self, AppError, ExitCode, RunMoment, ServerMoment, Session, Sources, TaskMoment, history, run_moment,
        server_moments,
    },
    ledger::Ledger,
    run::ItemState,
};

/// How often a screen looks at the ledger at most.
const LOOK: Duration = Duration::from_millis(500);

/// How often the servers are asked.
const ASK: Duration = Duration::from_secs(3);

/// Looking takes at most this part of the time, however large the run is.
const PART: u32 = 10;

/// What the servers said last.
type Servers = Arc<Mutex<Vec<ServerMoment>>>;

/// Watches `run` until it ends, or until the person leaves.
pub(super) fn run(run: &str, global: &GlobalArgs, output: Output) -> ExitCode {
    if output.json {
        let error = AppError::usage("--watch shows a screen and gives no JSON")
            .with_hint("`comfywright run --events` writes every event as a line of JSON");
        return output.fail("status", &error, &Sources::default());
    }
    let session = match opened(global, None) {
        Ok(session) => session,
        Err(error) => return output.fail("status", &error, &Sources::default()),
    };
    let sources = Sources::of(&session);
    let watched = app::open_ledger(&session).and_then(|ledger| {
        let id = history::find_run(&ledger, run)?.id;
        if output.terminal { screen(session, &ledger, &id) } else { lines(&ledger, &id, output) }
    });
    match watched {
        Ok(()) => output.finish("status", ExitCode::Done, json!({}), &[], &sources),
        Err(error) => output.fail("status", &error, &sources),
    }
}

/// Without a terminal: a line whenever the numbers have changed, until nobody works on the run.
fn lines(ledger: &Ledger, id: &str, output: Output) -> Result<(), AppError> {
    let mut told = String::new();
    loop {
        let began = Instant::now();
        let moment = run_moment(ledger, id)?;
        let counts = moment.run.counts_text();
        if counts != told {
            output.line(&format!("{} · {counts}", head(&moment)));
            told = counts;
        }
        if !moment.is_active {
            return Ok(());
        }
        thread::sleep(LOOK.max(began.elapsed() * PART));
    }
}

fn screen(session: Session, ledger: &Ledger, id: &str) -> Result<(), AppError> {
    let servers = Servers::default();
    if !session.config.server.is_empty() {
        let told = servers.clone();
        // Ends with the process.
        thread::spawn(move || {
            loop {
                if let Ok(moments) = server_moments(&session) {
                    *told.lock().unwrap_or_else(PoisonError::into_inner) = moments;
                }
                thread::sleep(ASK);
            }
        });
    }
    let unusable = |error: io::Error| AppError::environment(format!("failed to draw on the terminal: {error}"));
    let mut terminal = ratatui::try_init().map_err(unusable)?;
    let watched = watch(&mut terminal, ledger, id, &servers);
    ratatui::try_restore().map_err(unusable)?;
    watched?.map_err(unusable)
}

/// Draws until a key ends it. What has ended stays on the screen.
fn watch(
    terminal: &mut DefaultTerminal,
    ledger: &Ledger,
    id: &str,
    servers: &Servers,
) -> Result<io::Result<()>, AppError> {
    loop {
        let began = Instant::now();
        let moment = run_moment(ledger, id)?;
        let seen = servers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Err(error) = terminal.draw(|frame| draw(frame, &moment, &seen)) {
            return Ok(Err(error));
        }
        let until = Instant::now() + LOOK.max(began.elapsed() * PART);
        match is_left_before(until) {
            Ok(true) => return Ok(Ok(())),
            Ok(false) => {}
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// Whether a key says so before `until`; a screen of another size is drawn at once.
fn is_left_before(until: Instant) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if !event::poll(left)? {
            return Ok(false);
        }
        match event::read()? {
            Event::Resize(..) => return Ok(false),
            Event::Key(key) if key.kind == KeyEventKind::Press => match key.code {
                KeyCode::Char('q') | KeyCode::Esc => return Ok(true),
                KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(true),
                _ => {}
            },
            _ => {}
        }
    }
}

/// `catalog 1.0.0 · run 20261126-101500-ab12 · running · 1 min 5 s`
fn head(moment: &RunMoment) -> String {
    let RunMoment { run, seconds, .. } = moment;
    // Who was killed could not say so.
    let state = if run.state == "running" && !moment.is_active { "interrupted" } else { &run.state };
    format!("{} {} · run {} · {state} · {}", run.document, run.version, run.folder_name(), duration(*seconds))
}

/// In whole seconds, so that the screen is quiet.
fn duration(seconds: f64) -> String {
    duration_text(seconds.round())
}

fn draw(frame: &mut Frame, moment: &RunMoment, servers: &[ServerMoment]) {
    let room = |rows: usize| Constraint::Length(u16::try_from(rows + 2).unwrap_or(u16::MAX));
    let tasks = room(moment.tasks.len().min(12));
    let below = if servers.is_empty() { Constraint::Length(0) } else { room(servers.len().min(8)) };
    let [title, bar, tasks, servers_area, items, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        tasks,
        below,
        Constraint::Min(4),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let [running, ended] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(items);
    frame.render_widget(Line::from(head(moment)).style(Style::new().add_modifier(Modifier::BOLD)), title);
    frame.render_widget(progress(moment), bar);
    frame.render_widget(task_table(moment), tasks);
    if !servers.is_empty() {
        frame.render_widget(server_table(servers), servers_area);
    }
    running_items(frame, moment, running);
    ended_items(frame, moment, ended);
    let leave = if moment.is_active { "q leaves; the run goes on" } else { "q leaves" };
    frame.render_widget(Line::from(leave).style(Style::new().fg(Color::DarkGray)), keys);
}

fn progress(moment: &RunMoment) -> Gauge<'static> {
    let (settled, items) = (moment.settled, moment.run.items);
    let ratio = f64::from(settled) / f64::from(items.max(1));
    let left = moment.seconds_left.map(|seconds| format!(" · {} left", duration(seconds))).unwrap_or_default();
    Gauge::default()
        .ratio(ratio.clamp(0.0, 1.0))
        .label(format!("{settled} of {items}{left}"))
        .gauge_style(Style::new().fg(Color::Cyan).bg(Color::Black))
}

fn titled(title: &'static str) -> Block<'static> {
    Block::new().borders(Borders::ALL).border_style(Style::new().fg(Color::DarkGray)).title(title)
}

fn task_table(moment: &RunMoment) -> Table<'_> {
    let rows = moment.tasks.iter().map(|(name, task)| {
        let TaskMoment { items, settled, running, failed, held } = *task;
        let number = |count: u32, word: &str, color: Color| {
            let text = if count == 0 { String::new() } else { format!("{count} {word}") };
            Cell::from(text).style(Style::new().fg(color))
        };
        Row::new([
            Cell::from(name.as_str()),
            Cell::from(format!("{settled}/{items}")),
            number(running, "running", Color::Cyan),
            number(failed, "failed", Color::Red),
            number(held, "held", Color::Yellow),
        ])
    });
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(15),
        Constraint::Length(12),
        Constraint::Length(12),
        Constraint::Length(10),
    ];
    Table::new(rows, widths).block(titled(" Tasks "))
}

fn server_table(servers: &[ServerMoment]) -> Table<'_> {
    let rows = servers.iter().map(|server| {
        let (text, color) = match &server.queue {
            Ok((running, waiting)) => (format!("{running} running, {waiting} waiting"), Color::Reset),
            Err(why) => (why.clone(), Color::Red),
        };
        let drained = if server.is_drained { "out of use" } else { "" };
        Row::new([
            Cell::from(server.name.as_str()),
            Cell::from(text).style(Style::new().fg(color)),
            Cell::from(drained).style(Style::new().fg(Color::Yellow)),
        ])
    });
    let widths = [Constraint::Length(20), Constraint::Fill(1), Constraint::Length(10)];
    Table::new(rows, widths).block(titled(" Servers "))
}

fn running_items(frame: &mut Frame, moment: &RunMoment, area: Rect) {
    let lines: Vec<Line> = moment
        .running
        .iter()
        .map(|item| {
            let time = format!("{:>9}  ", duration(item.seconds));
            Line::from(vec![
                Span::styled(time, Style::new().fg(Color::Cyan)),
                Span::raw(item.address.as_str()),
                Span::styled(format!("  {}", item.place), Style::new().fg(Color::DarkGray)),
            ])
        })
        .collect();
    frame.render_widget(Paragraph::new(lines).block(titled(" Running ")), area);
}

fn ended_items(frame: &mut Frame, moment: &RunMoment, area: Rect) {
    let shown = moment.ended.iter().take(usize::from(area.height));
    let lines: Vec<Line> = shown
        .map(|item| {
            let color = match item.state {
                ItemState::Done | ItemState::Reused => Color::Green,
                ItemState::Skipped | ItemState::Cancelled => Color::DarkGray,
                _ => Color::Red,
            };
            let why = item.reason.as_ref().map(|reason| format!("  {reason}")).unwrap_or_default();
            Line::from(vec![
                Span::styled(format!("{:<12}  ", item.state.name().replace('_', " ")), Style::new().fg(color)),
                Span::raw(item.address.as_str()),
                Span::styled(why, Style::new().fg(Color::DarkGray)),
            ])
        })
        .collect();
    frame.render_widget(Paragraph::new(lines).block(titled(" Ended ")), area);
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::*;
    use crate::{
        app::{EndedItem, RunningItem, run_view::RunView},
        ident::IndexMap,
    };

    fn moment() -> RunMoment {
        let task = |items, settled, running, failed| TaskMoment { items, settled, running, failed, held: 0 };
        RunMoment {
            run: RunView {
                run: "r".to_owned(),
                document: "catalog".to_owned(),
                version: "1.0.0".to_owned(),
                path: "pipelines/catalog.toml".to_owned(),
                state: "running".to_owned(),
                folder: "outputs/catalog/20261126-101500-ab12".to_owned(),
                items: 12,
                counts: IndexMap::default(),
                settings: serde_json::Value::Null,
                started_ns: 0,
                finished_ns: None,
                collected_ns: None,
            },
            is_active: true,
            tasks: [("make".to_owned(), task(6, 4, 1, 0)), ("cut".to_owned(), task(4, 4, 0, 1))].into_iter().collect(),
            running: vec![RunningItem { address: "make[i=5]".to_owned(), place: "left".to_owned(), seconds: 75.0 }],
            ended: vec![EndedItem {
                address: "cut[i=1]".to_owned(),
                state: ItemState::Failed,
                reason: Some("out of memory".to_owned()),
            }],
            settled: 8,
            seconds: 3700.0,
            seconds_left: Some(125.0),
        }
    }

    fn drawn(moment: &RunMoment, servers: &[ServerMoment], width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, moment, servers)).unwrap();
        let buffer = terminal.backend().buffer();
        (0..height)
            .map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned())
            .collect()
    }

    #[test]
    fn the_screen_shows_tasks_servers_and_items() {
        let servers = [
            ServerMoment { name: "left".to_owned(), is_drained: false, queue: Ok((1, 2)) },
            ServerMoment { name: "right".to_owned(), is_drained: true, queue: Err("does not answer".to_owned()) },
        ];
        let text = drawn(&moment(), &servers, 90, 20).join("\n");
        for part in [
            "catalog 1.0.0 · run 20261126-101500-ab12 · running · 1 h 1 min",
            "8 of 12 · 2 min 5 s left",
            "4/6",
            "1 running",
            "1 failed",
            "1 running, 2 waiting",
            "does not answer",
            "out of use",
            "1 min 15 s  make[i=5]  left",
            "failed        cut[i=1]  out of memory",
            "q leaves; the run goes on",
        ] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
    }

    #[test]
    fn a_small_screen_is_no_fault() {
        for (width, height) in [(1, 1), (20, 5), (300, 3)] {
            drawn(&moment(), &[], width, height);
        }
    }

    #[test]
    fn a_run_that_was_killed_says_so() {
        let killed = RunMoment { is_active: false, ..moment() };
        assert!(head(&killed).contains("interrupted"));
    }
}
