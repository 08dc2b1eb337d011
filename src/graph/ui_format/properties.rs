//! The `properties` of a node. The editor keeps colours, versions and much else there; only what
//! changes the graph is read.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::scalar::Text;

/// Those properties of a node that change the graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Properties {
    /// The name under which other nodes may quote this one: `%name.widget%`.
    pub(crate) quoted_as: Option<String>,
    /// Whether a primitive replaces quotations in its value.
    pub(crate) quotes: bool,
    /// Widgets of inner nodes that an early subgraph shows.
    pub(crate) proxy_widgets: Option<Value>,
    /// What could not be made an input when such widgets were last migrated.
    pub(crate) quarantine: Option<Value>,
    /// The input of the subgraph that took a primitive's place.
    pub(crate) bypassed_to: Option<String>,
    /// Smallest value of a primitive number.
    pub(crate) min: Option<f64>,
    /// Largest value of a primitive number.
    pub(crate) max: Option<f64>,
    /// Distance between the values of a primitive number.
    pub(crate) step: Option<f64>,
    /// What a primitive number is rounded to.
    pub(crate) round: Option<f64>,
    /// Digits after the point of a primitive number.
    pub(crate) precision: Option<f64>,
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PropertiesVisitor)
    }
}

struct PropertiesVisitor;

impl<'de> Visitor<'de> for PropertiesVisitor {
    type Value = Properties;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the properties of a node")
    }

    fn visit_unit<E>(self) -> Result<Properties, E> {
        Ok(Properties::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Properties, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Properties::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
        let mut out = Properties::default();
        while let Some(key) = map.next_key::<Text>()? {
            match &*key.0 {
                "Node name for S&R" => out.quoted_as = text(map.next_value()?),
                "Run widget replace on values" => out.quotes = truthy(&map.next_value()?),
                "proxyWidgets" => out.proxy_widgets = Some(map.next_value()?),
                "proxyWidgetErrorQuarantine" => out.quarantine = Some(map.next_value()?),
                "proxyBypassedToSubgraphInput" => out.bypassed_to = text(map.next_value()?),
                "min" => out.min = map.next_value::<Value>()?.as_f64(),
                "max" => out.max = map.next_value::<Value>()?.as_f64(),
                "step" => out.step = map.next_value::<Value>()?.as_f64(),
                "round" => out.round = map.next_value::<Value>()?.as_f64(),
                "precision" => out.precision = map.next_value::<Value>()?.as_f64(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(out)
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}
