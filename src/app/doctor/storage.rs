//! Where results and the ledger go: permissions, the kind of disk, and what is free on it.

use std::path::Path;

use super::{super::Session, findings::DoctorFinding};
use crate::{
    amounts::size_text,
    ledger::{Ledger, network_file_system},
};

const AREA: &str = "storage";

/// Bytes below which the next runs may fill the disk.
const LITTLE: u64 = 2 << 30;

/// Bytes below which the next run may fail.
const HARDLY_ANY: u64 = 200 << 20;

/// Looks at the folder of outputs and at that of the ledger.
pub(super) fn examine(session: &Session) -> Vec<DoctorFinding> {
    let store = &session.config.store;
    let outputs = store.outputs.as_deref().unwrap_or("outputs");
    let ledger = store.ledger.as_deref().unwrap_or(".comfywright");
    let mut found = vec![folder(&session.root, outputs, "outputs")];
    found.push(folder(&session.root, ledger, "the ledger"));
    found.push(ledger_file(&session.root, ledger));
    found
}

/// The folder `name`, in which `what` is kept: whether it can be written and how much is free.
fn folder(root: &Path, name: &str, what: &str) -> DoctorFinding {
    let path = root.join(name);
    // A folder that is not there yet is made in the nearest one that is.
    let Some(existing) = path.ancestors().find(|folder| folder.exists()) else {
        return DoctorFinding::trouble(AREA, "no-folder", format!("there is no place for {name}/ ({what})"));
    };
    if let Err(error) = tempfile::tempfile_in(existing) {
        let message = format!("{} cannot be written: {error}", existing.display());
        let advice = format!("{what} go there: change its permissions, or name another folder under [store]");
        return DoctorFinding::trouble(AREA, "not-writable", message).advise(advice);
    }
    match fs4::available_space(existing) {
        Ok(free) if free < HARDLY_ANY => {
            let message = format!("{name}/ ({what}) can be written, but only {} are free", size_text(free));
            DoctorFinding::trouble(AREA, "disk-full", message).advise(space_advice())
        }
        Ok(free) if free < LITTLE => {
            let message = format!("{name}/ ({what}) can be written; only {} are free", size_text(free));
            DoctorFinding::warning(AREA, "disk-low", message).advise(space_advice())
        }
        Ok(free) => {
            let message = format!("{name}/ ({what}) can be written; {} free", size_text(free));
            DoctorFinding::ok(AREA, "folder", message)
        }
        Err(error) => {
            let message = format!("{name}/ ({what}) can be written; how much is free is not known: {error}");
            DoctorFinding::ok(AREA, "folder", message)
        }
    }
}

fn space_advice() -> String {
    "remove old runs, or name a folder on a larger disk under [store] in comfywright.toml".to_owned()
}

/// The ledger itself, if there is one.
fn ledger_file(root: &Path, name: &str) -> DoctorFinding {
    let path = root.join(name);
    let existing = path.ancestors().find(|folder| folder.exists()).unwrap_or(root);
    if let Some(kind) = network_file_system(existing) {
        let message = format!("the ledger's folder {name}/ is on a network file system ({kind})");
        let advice = "SQLite can lose data there: name a folder on a local disk with `ledger` under [store]".to_owned();
        return DoctorFinding::trouble(AREA, "network-file-system", message).advise(advice);
    }
    if !path.join("ledger.db").is_file() {
        return DoctorFinding::ok(AREA, "ledger", "there is no ledger yet; the first run makes it");
    }
    match Ledger::open(&path, root) {
        Ok(_) => DoctorFinding::ok(AREA, "ledger", "the ledger opens, on a local disk"),
        Err(error) => {
            let advice = format!("move {name}/ledger.db away to begin a new one; outputs stay where they are");
            DoctorFinding::trouble(AREA, "ledger", error.to_string()).advise(advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::doctor::Fitness;

    #[test]
    fn folders_that_are_not_there_are_judged_by_where_they_would_be() {
        let root = tempfile::tempdir().unwrap();
        let found = folder(root.path(), "a/b/outputs", "outputs");
        assert_ne!(found.fitness, Fitness::Trouble, "{found:?}");
        assert!(!root.path().join("a").exists());
        let ledger = ledger_file(root.path(), ".comfywright");
        assert_eq!((ledger.fitness, ledger.code), (Fitness::Ok, "ledger"), "{ledger:?}");
        assert!(!root.path().join(".comfywright").exists());
    }

    #[test]
    fn a_ledger_that_is_none_is_trouble() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("l")).unwrap();
        std::fs::write(root.path().join("l/ledger.db"), "this is not a database, but a text of some length").unwrap();
        let found = ledger_file(root.path(), "l");
        assert_eq!(found.fitness, Fitness::Trouble, "{found:?}");
        assert!(found.advice.is_some());
    }
}
