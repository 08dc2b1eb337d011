//! `report`, and the pages that it and `plan --graph html` write, as a browser shows them.

use super::{
    browser::Browser,
    runs::{cards, cards_run},
};

const DESKTOP: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (390, 844);

/// Items of each task but the last: 103 items in all.
const TONES: u32 = 17;

#[test]
fn the_page_of_a_run_tells_what_the_ledger_knows() {
    let folder = cards_run(TONES);
    let written = folder.run(&["report", "last", "--json"]).json()["data"].clone();
    assert!(written["pictures"].as_u64().unwrap() > 20 && written["left_out"] == 0, "{written}");
    let status = folder.run(&["status", "--json"]).json()["data"].clone();
    let Some(mut browser) = Browser::start() else { return };
    let page = folder.path(written["file"].as_str().unwrap());
    browser.open(&page, DESKTOP, false);

    let facts = browser.value("Object.fromEntries([...document.querySelectorAll('.facts > div')].map(f => [f.children[0].textContent, f.children[1].textContent]))");
    assert_eq!(facts["items"], status["items"].to_string());
    for (state, count) in status["counts"].as_object().unwrap() {
        assert_eq!(facts[state.as_str()], count.to_string(), "{state}: {facts}");
    }
    let verdict = browser.value("document.querySelector('.verdict').textContent");
    let verdict = verdict.as_str().unwrap();
    assert!(verdict.starts_with("Capacity-bound: the work of this computer takes "), "{verdict}");
    let routes = browser.value(
        "[...document.querySelectorAll('#routes tbody tr')].map(r => [...r.cells].map(c => c.textContent).join('|'))",
    );
    for row in ["make|on oom|spare|1", "|if colorfulness < 10|@skip|2", "|if colorfulness < 40|invert|6"] {
        assert!(routes.as_array().unwrap().iter().any(|found| found == row), "{row}: {routes:#}");
    }
    let failures = browser.value("document.querySelector('#failures').textContent");
    let failures = failures.as_str().unwrap();
    assert!(
        failures.contains("0 is not in the range 1 to 16384") && failures.contains("412 MiB of memory"),
        "{failures}"
    );
    let colorfulness = browser.value("[...document.querySelectorAll('#metrics tbody tr')].map(r => r.cells[1].textContent + ' ' + r.cells[2].textContent)");
    assert_eq!(colorfulness, serde_json::json!(["colorfulness 14", "contrast 14"]));

    assert_eq!(browser.complaints(), Vec::<&serde_json::Value>::new());
    assert_eq!(browser.requests(), Vec::<&str>::new());
}

#[test]
fn a_task_opens_and_its_items_are_told() {
    let folder = cards_run(TONES);
    folder.run(&["report", "last", "--out", "page.html"]);
    let Some(mut browser) = Browser::start() else { return };
    browser.open(&folder.path("page.html"), DESKTOP, false);
    let opened = "document.querySelector('.task[data-task=\"0\"] button').getAttribute('aria-expanded')";
    assert_eq!(browser.value(opened), "false");
    browser.act("document.querySelector('.task[data-task=\"0\"] button').click(); document.getElementById('results').scrollIntoView()");
    assert_eq!(browser.value(opened), "true");
    let cells = "document.querySelectorAll('.task[data-task=\"0\"] .cell').length";
    assert_eq!(browser.value(cells), TONES);
    let pictures =
        "[...document.querySelectorAll('.task[data-task=\"0\"] img')].filter(i => i.naturalWidth === 24).length";
    browser.value("Promise.all([...document.images].map(image => image.decode()))");
    assert_eq!(browser.value(pictures), TONES - 2, "two could not be made");

    browser.act("document.querySelector('.cell[data-item=\"3\"]').click()");
    let told = browser.value("document.getElementById('item').open && document.getElementById('item').textContent");
    let told = told.as_str().unwrap();
    assert!(
        told.contains("make[tone=t00003]") && told.contains("this computer") && told.contains("/make/t00003.png"),
        "{told}"
    );
    let link = browser.value("document.querySelector('#item a').href");
    let file = link.as_str().unwrap().strip_prefix("file://").unwrap();
    assert!(std::path::Path::new(file).is_file(), "{file}");
    browser.act("document.getElementById('item').close()");

    browser.act("document.getElementById('state').value = 'failed'; document.getElementById('state').dispatchEvent(new Event('change'))");
    assert_eq!(browser.value("document.getElementById('found').textContent"), "2 of 103 items");
    assert_eq!(browser.value("[...document.querySelectorAll('.task')].filter(t => !t.hidden).length"), 1);

    browser.act("document.getElementById('chart').focus()");
    browser.press("ArrowRight");
    let told = browser.value("document.getElementById('told').textContent");
    assert!(told.as_str().unwrap().contains("on this computer, from "), "{told}");
    browser.press("+");
    browser.press("Enter");
    assert_eq!(browser.value("document.getElementById('item').open"), true);
    assert_eq!(browser.complaints(), Vec::<&serde_json::Value>::new());
}

#[test]
fn a_page_fits_a_phone_and_the_dark() {
    let folder = cards_run(TONES);
    folder.run(&["report", "last", "--out", "run.html"]);
    folder.run(&["plan", "cards", "--graph", "html", "--out", "plan.html"]);
    let Some(mut browser) = Browser::start() else { return };
    for page in ["run.html", "plan.html"] {
        browser.open(&folder.path(page), PHONE, true);
        assert_eq!(browser.value("document.documentElement.scrollWidth"), PHONE.0, "{page}");
        let ground = browser.value("getComputedStyle(document.documentElement).backgroundColor");
        assert_eq!(ground, "rgb(13, 17, 23)", "{page}");
        assert_eq!(browser.complaints(), Vec::<&serde_json::Value>::new(), "{page}");
    }
}

#[test]
fn the_page_of_a_plan_opens_its_tasks() {
    let folder = cards(TONES);
    folder.run(&["plan", "cards", "--graph", "html", "--out", "plan.html"]);
    let Some(mut browser) = Browser::start() else { return };
    browser.open(&folder.path("plan.html"), DESKTOP, false);
    let rows = "document.querySelectorAll('#drawing .dag-row').length";
    assert_eq!(browser.value(rows), 0);
    browser.act("document.querySelector('#drawing [data-task=\"2\"]').focus()");
    browser.press("Enter");
    assert_eq!(browser.value(rows), TONES);
    assert_eq!(browser.value("document.activeElement.dataset.task"), "2", "the focus stays");
    browser.press("Escape");
    assert_eq!(browser.value(rows), 0);
    browser.act("document.querySelector('#drawing [data-task=\"0\"]').dispatchEvent(new MouseEvent('click', { bubbles: true }))");
    assert_eq!(browser.value(rows), TONES);
    assert_eq!(browser.complaints(), Vec::<&serde_json::Value>::new());
    assert_eq!(browser.requests(), Vec::<&str>::new());
}

#[test]
fn a_report_without_pictures_and_of_no_run() {
    let folder = cards_run(6);
    let data = folder.run(&["report", "last", "--pictures", "0", "--json"]).json()["data"].clone();
    assert_eq!((&data["pictures"], data["left_out"].as_u64().unwrap() > 10), (&0.into(), true), "{data}");
    let page = folder.read(data["file"].as_str().unwrap());
    assert!(!page.contains("data:image/") && page.contains("results are shown without a picture"));
    let missing = folder.run(&["report", "nothing"]);
    assert_eq!(missing.code, 2, "{missing:?}");
    assert!(missing.stderr.contains("there is no run"), "{missing:?}");
}
