//! How does a view look, in a space of any size?
//!
//! **Invariant:** drawing is a function of the view and the space. What does not fit is left out, the least telling columns first.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize as _};
use ratatui::text::Line;
use ratatui::widgets::{Block, Cell, Clear, Paragraph, Row as Drawn, Table, TableState};

use super::view::{Help, Row, View};

/// One column: its title, its width, and what it shows of a row. The account's takes what is left.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub(super) title: &'static str,
    width: u16,
    /// The lower, the longer it stays when there is little space.
    rank: u8,
    pub(super) of: fn(&Row) -> &str,
}

/// Draws a frame.
pub(super) fn draw(frame: &mut Frame<'_>, view: &View) {
    let [head, sums, connections, table, message, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Line::from(format!("hallpass top  {}", plain(&view.platform))).bold(), head);
    frame.render_widget(Line::from(view.summary[0].as_str()), sums);
    frame.render_widget(Line::from(view.summary[1].as_str()).dim(), connections);
    sessions(frame, view, table);
    frame.render_widget(Line::from(plain(&view.message)).bold(), message);
    frame.render_widget(Line::from("v validate  r renew  c close  ? help  q quit").dim(), keys);
    if view.help == Help::Shown {
        help(frame);
    }
}

fn sessions(frame: &mut Frame<'_>, view: &View, area: Rect) {
    if view.rows.is_empty() {
        return frame.render_widget(Paragraph::new("no session is open").dim(), area);
    }
    let columns = fitting(area.width);
    let widths = columns.iter().map(|column| match column.rank {
        0 => Constraint::Min(column.width),
        _ => Constraint::Length(column.width),
    });
    let header = Drawn::new(columns.iter().map(|column| column.title)).add_modifier(Modifier::UNDERLINED);
    let rows = view.rows.iter().map(|row| {
        Drawn::new(columns.iter().map(|column| {
            let cell = Cell::from(plain((column.of)(row)));
            if column.title == STATE { cell.style(of_state(row.state)) } else { cell }
        }))
    });
    let table = Table::new(rows, widths.collect::<Vec<_>>())
        .header(header)
        .column_spacing(1)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut state = TableState::new().with_selected(view.selected);
    frame.render_stateful_widget(table, area, &mut state);
}

fn help(frame: &mut Frame<'_>) {
    let lines = [
        "up, down, j, k   choose a session",
        "PgUp, PgDn       ten at a time",
        "Home, End        the first, the last",
        "v                ask the platform whether it is good",
        "r                renew it now",
        "c                save it and let go of it",
        "?                this, or away with it",
        "q, Esc, Ctrl-C   quit: all are saved, none is signed out",
    ];
    let (width, height) = (62.min(frame.area().width), (lines.len() as u16 + 2).min(frame.area().height));
    let [area] =
        Layout::horizontal([Constraint::Length(width)]).flex(ratatui::layout::Flex::Center).areas(frame.area());
    let [area] = Layout::vertical([Constraint::Length(height)]).flex(ratatui::layout::Flex::Center).areas(area);
    frame.render_widget(Clear, area);
    let lines: Vec<Line<'_>> = lines.into_iter().map(Line::from).collect();
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" keys ")), area);
}

/// The columns that fit into so many cells, in their order.
fn fitting(width: u16) -> Vec<Column> {
    let mut ranks: Vec<&Column> = COLUMNS.iter().collect();
    ranks.sort_by_key(|column| column.rank);
    let (mut used, mut last) = (0, 0);
    for column in ranks {
        used += column.width + 1;
        if used > width + 1 {
            break;
        }
        last = column.rank;
    }
    COLUMNS.iter().filter(|column| column.rank <= last).copied().collect()
}

fn of_state(state: &str) -> Style {
    match state {
        "active" => Style::new().fg(Color::Green),
        "expired" | "rejected" | "unopened" => Style::new().fg(Color::Red),
        _ => Style::new().fg(Color::Yellow),
    }
}

/// Without characters that a terminal would obey.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

const STATE: &str = "STATE";

/// In the order in which they are shown.
pub(super) const COLUMNS: [Column; 12] = [
    Column { title: "ACCOUNT", width: 12, rank: 0, of: |row| &row.account },
    Column { title: STATE, width: 10, rank: 1, of: |row| row.state },
    Column { title: "AGE", width: 5, rank: 8, of: |row| &row.age },
    Column { title: "EXPIRES", width: 7, rank: 2, of: |row| &row.expires },
    Column { title: "GEN", width: 4, rank: 10, of: |row| &row.generation },
    Column { title: "CALLS", width: 6, rank: 3, of: |row| &row.calls },
    Column { title: "FLIGHT", width: 6, rank: 9, of: |row| &row.in_flight },
    Column { title: "WAITING", width: 7, rank: 5, of: |row| &row.waiting },
    Column { title: "ERRORS", width: 6, rank: 4, of: |row| &row.errors },
    Column { title: "RETRIES", width: 7, rank: 6, of: |row| &row.retries },
    Column { title: "RENEWALS", width: 8, rank: 7, of: |row| &row.renewals },
    Column { title: "LAST ERROR", width: 20, rank: 11, of: |row| row.last_error },
];

#[cfg(test)]
mod tests;
