//! Addresses of items, taken apart.

use serde_json::Value;

/// The task of an address and its keys with their values, in order:
/// `generate[sku=A1,angle="3/4, left"]`.
pub fn parts_of(address: &str) -> (&str, Vec<(&str, String)>) {
    let Some((task, rest)) = address.split_once('[') else { return (address, Vec::new()) };
    let mut rest = rest.strip_suffix(']').unwrap_or(rest);
    let mut keys = Vec::new();
    while let Some((key, after)) = rest.split_once('=') {
        let (value, left) = value_at(after);
        keys.push((key, value));
        rest = left;
    }
    (task, keys)
}

/// The value at the start of `text`, and what follows its comma.
fn value_at(text: &str) -> (String, &str) {
    if text.starts_with('"') {
        // Values with punctuation of addresses are written as JSON.
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        if let Some(Ok(Value::String(value))) = values.next() {
            let left = &text[values.byte_offset()..];
            return (value, left.strip_prefix(',').unwrap_or(left));
        }
    }
    let (value, left) = text.split_once(',').unwrap_or((text, ""));
    (value.to_owned(), left)
}

/// The address of an item of `task` with these keys.
pub fn address_of(task: &str, keys: &[(&str, String)]) -> String {
    if keys.is_empty() {
        return task.to_owned();
    }
    let part = |(key, value): &(&str, String)| {
        let is_plain = !value.contains([',', '=', '[', ']', '"']);
        format!("{key}={}", if is_plain { value.clone() } else { Value::from(value.as_str()).to_string() })
    };
    format!("{task}[{}]", keys.iter().map(part).collect::<Vec<_>>().join(","))
}

/// The values of an address, as short as people need them: of a path the name of the file.
pub fn short_label(address: &str) -> String {
    let (task, keys) = parts_of(address);
    if keys.is_empty() {
        return task.to_owned();
    }
    let short = |(_, value): &(&str, String)| value.rsplit('/').next().unwrap_or(value).to_owned();
    keys.iter().map(short).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let parts = |address| {
            let (task, keys) = parts_of(address);
            (task.to_owned(), keys.into_iter().map(|(k, v)| format!("{k}:{v}")).collect::<Vec<_>>())
        };
        for address in ["sheet", "a[sku=A1,angle=front]", r#"a[x="1,2=[3]",y="\"é\"",z=]"#] {
            let (task, keys) = parts_of(address);
            assert_eq!(address_of(task, &keys), address);
        }
        assert_eq!(parts("sheet"), ("sheet".to_owned(), vec![]));
        assert_eq!(parts("a[sku=A1,angle=front]").1, ["sku:A1", "angle:front"]);
        assert_eq!(parts(r#"a[x="1,2=[3]",y="\"é\"",z=]"#).1, ["x:1,2=[3]", "y:\"é\"", "z:"]);
        assert_eq!(short_label("a[photo=../photos/cat.jpg,tone=red]"), "cat.jpg, red");
    }
}
