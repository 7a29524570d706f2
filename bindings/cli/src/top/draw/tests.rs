//! Does a frame of every size show what matters, and only what fits?

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::super::view::{Help, Row, View};
use super::draw;

fn rows(count: usize) -> Vec<Row> {
    let row = |number: usize| Row {
        account: format!("account-{number:03}"),
        state: if number.is_multiple_of(7) { "expired" } else { "active" },
        age: "3h".to_owned(),
        expires: "59m".to_owned(),
        generation: "2".to_owned(),
        calls: "120".to_owned(),
        in_flight: "1".to_owned(),
        waiting: "4".to_owned(),
        errors: "5".to_owned(),
        retries: "6".to_owned(),
        renewals: "7".to_owned(),
        last_error: if number.is_multiple_of(7) { "expired" } else { "" },
    };
    (0..count).map(row).collect()
}

fn view(count: usize, selected: usize) -> View {
    let summary = ["3 sessions  calls 9".to_owned(), "connections 2: 1 in use".to_owned()];
    View { platform: "example".to_owned(), rows: rows(count), summary, selected, ..View::default() }
}

fn drawn(view: &View, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("memory");
    terminal.draw(|frame| draw(frame, view)).expect("memory");
    let buffer = terminal.backend().buffer();
    let line = |y: u16| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(line).collect()
}

#[test]
fn a_usual_terminal_shows_all_that_is_asked_for() {
    let lines = drawn(&view(3, 1), 80, 24);
    assert_eq!(lines[0], "hallpass top  example");
    assert_eq!(lines[1..3], ["3 sessions  calls 9", "connections 2: 1 in use"]);
    for title in ["ACCOUNT", "STATE", "AGE", "EXPIRES", "CALLS", "WAITING", "ERRORS", "RETRIES", "RENEWALS"] {
        assert!(lines[3].contains(title), "{title} in {lines:#?}");
    }
    let cells: Vec<&str> = lines[5].split_whitespace().collect();
    assert_eq!(cells, ["account-001", "active", "3h", "59m", "120", "4", "5", "6", "7"]);
    assert_eq!(lines[23], "v validate  r renew  c close  ? help  q quit");
}

#[test]
fn a_narrow_terminal_keeps_account_state_and_expiry_and_a_wide_one_shows_everything() {
    let narrow = drawn(&view(3, 0), 40, 12);
    let titles: Vec<&str> = narrow[3].split_whitespace().collect();
    assert_eq!(titles, ["ACCOUNT", "STATE", "EXPIRES", "CALLS"]);
    assert!(narrow.iter().all(|line| line.chars().count() <= 40));
    let wide = drawn(&view(8, 0), 140, 16);
    assert!(wide[3].contains("LAST ERROR") && wide[3].contains("GEN"), "{wide:#?}");
    assert!(wide[11].ends_with("expired"), "{wide:#?}");
    for (width, height) in [(1, 1), (5, 3), (12, 7), (300, 100)] {
        drawn(&view(3, 2), width, height);
    }
}

#[test]
fn no_session_is_said_in_words() {
    let lines = drawn(&view(0, 0), 80, 24);
    assert!(lines.contains(&"no session is open".to_owned()), "{lines:#?}");
}

#[test]
fn of_five_hundred_sessions_the_chosen_one_is_in_sight() {
    for selected in [0, 17, 250, 499] {
        let lines = drawn(&view(500, selected), 80, 24);
        let name = format!("account-{selected:03}");
        assert!(lines.iter().any(|line| line.starts_with(&name)), "{name} in {lines:#?}");
        assert_eq!(lines.iter().filter(|line| line.starts_with("account-")).count(), 18);
    }
}

#[test]
fn help_lies_over_the_rest_and_what_a_terminal_would_obey_is_not_sent() {
    let mut view = view(3, 0);
    view.help = Help::Shown;
    let lines = drawn(&view, 80, 24);
    assert!(lines.iter().any(|line| line.contains("none is signed out")), "{lines:#?}");
    view.help = Help::Hidden;
    view.rows[0].account = "evil\u{1b}[2J".to_owned();
    let lines = drawn(&view, 80, 24).concat();
    assert!(!lines.contains('\u{1b}') && lines.contains("evil\u{fffd}[2J"), "{lines}");
}

#[test]
fn the_selection_stays_within_the_rows() {
    let mut view = view(3, 0);
    for (by, at) in [(1, 1), (10, 2), (-1, 1), (isize::MIN, 0), (isize::MAX, 2)] {
        view.go(by);
        assert_eq!(view.selected, at);
    }
    view.rows.clear();
    view.go(1);
    assert_eq!((view.selected, view.account()), (0, None));
}
