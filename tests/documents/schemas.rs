//! `schemas/` is what the model says. `UPDATE_SCHEMAS=1 cargo test --test documents schemas` writes it anew.

use std::{fs, path::Path};

use comfywright::model::schema;

#[test]
fn schema_files_are_what_the_model_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    if update {
        fs::create_dir_all(&folder).unwrap();
    }
    for (name, schema) in schema::files() {
        let expected = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let path = folder.join(&name);
        if update {
            fs::write(&path, &expected).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        assert!(
            found == expected,
            "schemas/{name} differs from the model: run UPDATE_SCHEMAS=1 cargo test --test documents schemas"
        );
    }
}
