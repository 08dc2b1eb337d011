//! What a server says of its model files and its packs of custom nodes, and of single classes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    client::{ANSWER, Client},
    client_error::ClientError,
};

/// Folders that hold no models: everything below the first is listed.
const NO_MODELS: [&str; 2] = ["custom_nodes", "datasets"];

/// Where the manager of custom nodes tells what is installed: since version 4, and before.
const PACKS: [&str; 2] = ["v2/customnode/installed", "customnode/installed"];

/// What the metadata of a safetensors file calls the SHA-256 of its tensors, the surest first.
const HASHES: [&str; 2] = ["modelspec.hash_sha256", "sshs_model_hash"];

impl Client {
    /// The model files by folder. A server of before 2025 may not tell: then there are none.
    pub async fn models(&self) -> Result<BTreeMap<String, Vec<String>>, ClientError> {
        let Some(folders): Option<Vec<String>> = self.known("models").await? else { return Ok(BTreeMap::new()) };
        let mut models = BTreeMap::new();
        for folder in folders.into_iter().filter(|folder| !NO_MODELS.contains(&folder.as_str())) {
            let files: Option<Vec<String>> = self.known(&format!("models/{}", encoded(&folder))).await?;
            models.insert(folder, files.unwrap_or_default());
        }
        Ok(models)
    }

    /// Versions of the packs of custom nodes, where the server has their manager.
    pub async fn node_packs(&self) -> Result<BTreeMap<String, String>, ClientError> {
        for path in PACKS {
            if let Some(packs) = self.known::<Map<String, Value>>(path).await? {
                let version = |pack: &Value| pack["ver"].as_str().filter(|v| !v.is_empty()).map(str::to_owned);
                let is_on = |pack: &Value| pack["enabled"] != false;
                let told = packs.iter().filter(|(_, pack)| is_on(pack));
                return Ok(told.filter_map(|(name, pack)| Some((name.clone(), version(pack)?))).collect());
            }
        }
        Ok(BTreeMap::new())
    }

    /// The signature of one class, as `object_info` has it: an empty map when there is no such class.
    pub async fn class_info(&self, class: &str) -> Result<Map<String, Value>, ClientError> {
        let path = format!("object_info/{}", encoded(class));
        self.json(self.get(&path, ANSWER), &format!("/{path}")).await
    }

    /// The SHA-256 of the tensors of a model file, when the file says it of itself.
    pub async fn model_hash(&self, folder: &str, file: &str) -> Result<Option<String>, ClientError> {
        let mut url = self.address(&format!("view_metadata/{}", encoded(folder)));
        url.query_pairs_mut().append_pair("filename", file);
        let metadata: Option<Map<String, Value>> = self.known_at(url, "/view_metadata").await?;
        let metadata = metadata.unwrap_or_default();
        let digits = HASHES.iter().filter_map(|key| metadata.get(*key)?.as_str());
        let mut digits = digits.map(|text| text.trim_start_matches("0x").to_ascii_lowercase());
        Ok(digits.find(|text| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())))
    }

    /// What `GET path` answers; none when the server has nothing there, or something else.
    async fn known<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ClientError> {
        self.known_at(self.address(path), &format!("/{path}")).await
    }

    async fn known_at<T: serde::de::DeserializeOwned>(
        &self,
        url: url::Url,
        path: &str,
    ) -> Result<Option<T>, ClientError> {
        match self.json(self.get(url.as_str(), ANSWER), path).await {
            Ok(answer) => Ok(Some(answer)),
            Err(ClientError::Status { status: 400 | 403 | 404 | 405, .. } | ClientError::NotComfy { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A name as one part of a path.
fn encoded(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}
