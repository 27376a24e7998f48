//! Device information, of all versions into the shape of 1.2.

use std::collections::{BTreeMap, BTreeSet};

use super::parser::Parser;
use crate::devinf::{
    Capability, ContentType, DataStore, DevInf, FilterCapability, Memory, Parameter, Property,
};
use crate::error::Error;
use crate::version::Version;

/// Bytes of capabilities that datastores may copy in a message. Devices come to some ten thousand;
/// without a bound the product of two lists would be paid.
const MAX_SHARED: usize = 1024 * 1024;

/// Datastores in a message: one is a byte in binary XML, and some hundred here.
const MAX_DATASTORES: usize = 1000;

/// What the device information in one message costs beyond its length.
#[derive(Debug, Default)]
pub(super) struct Cost {
    shared: usize,
    datastores: usize,
}

impl Cost {
    fn datastore(&mut self) -> Result<(), Error> {
        self.datastores += 1;
        if self.datastores > MAX_DATASTORES {
            return Err(Error::Limit {
                what: "datastores",
                limit: MAX_DATASTORES,
            });
        }
        Ok(())
    }

    /// Before 1.2 capabilities are the device's: each store takes those of its types.
    fn share(&mut self, global: &[Capability], datastores: &mut [DataStore]) -> Result<(), Error> {
        let mut of_type: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, capability) in global.iter().enumerate() {
            let media_type = capability.media_type.to_ascii_lowercase();
            of_type.entry(media_type).or_default().push(index);
        }
        for datastore in datastores {
            let pairs = datastore.rx.iter().chain(&datastore.tx);
            let pairs = pairs.chain(&datastore.rx_pref).chain(&datastore.tx_pref);
            let types: BTreeSet<String> = pairs
                .map(|pair| pair.media_type.to_ascii_lowercase())
                .collect();
            let mut own: Vec<usize> = types
                .iter()
                .filter_map(|media_type| of_type.get(media_type))
                .flatten()
                .copied()
                .collect();
            own.sort_unstable();
            for capability in own.into_iter().filter_map(|index| global.get(index)) {
                self.shared += weight(capability);
                if self.shared > MAX_SHARED {
                    return Err(Error::Limit {
                        what: "bytes of capabilities that datastores share",
                        limit: MAX_SHARED,
                    });
                }
                datastore.capabilities.push(capability.clone());
            }
        }
        Ok(())
    }
}

/// About the bytes that a copy takes.
fn weight(capability: &Capability) -> usize {
    let optional = |text: &Option<String>| text.as_deref().map_or(0, str::len);
    let values = |values: &[String]| values.iter().map(|v| size_of::<String>() + v.len()).sum();
    let parameter = |parameter: &Parameter| {
        let values: usize = values(&parameter.values);
        let texts = optional(&parameter.data_type) + optional(&parameter.display_name);
        size_of::<Parameter>() + parameter.name.len() + texts + values
    };
    let property = |property: &Property| {
        let values: usize = values(&property.values);
        let parameters: usize = property.parameters.iter().map(parameter).sum();
        let texts = optional(&property.data_type) + optional(&property.display_name);
        size_of::<Property>() + property.name.len() + texts + values + parameters
    };
    let properties: usize = capability.properties.iter().map(property).sum();
    let texts = capability.media_type.len() + capability.version.len();
    size_of::<Capability>() + texts + properties
}

impl Parser<'_> {
    pub(super) fn devinf_document(&mut self) -> Result<DevInf, Error> {
        if self.root()? != "DevInf" {
            return Err(Error::Missing { element: "DevInf" });
        }
        self.devinf()
    }

    /// The children of `DevInf`.
    // spec: F15
    pub(super) fn devinf(&mut self) -> Result<DevInf, Error> {
        let mut devinf = DevInf::default();
        let mut global = Vec::new();
        while let Some(name) = self.child()? {
            match &*name {
                "VerDTD" => devinf.version = Version::from_dtd(&self.text()?),
                "Man" => devinf.man = Some(self.owned()?),
                "Mod" => devinf.model = Some(self.owned()?),
                "OEM" => devinf.oem = Some(self.owned()?),
                "FwV" => devinf.firmware = Some(self.owned()?),
                "SwV" => devinf.software = Some(self.owned()?),
                "HwV" => devinf.hardware = Some(self.owned()?),
                "DevID" | "DevId" => devinf.dev_id = self.owned()?,
                "DevTyp" => devinf.dev_type = self.owned()?,
                "UTC" => devinf.utc = self.flag()?,
                "SupportLargeObjs" | "SupportLargeObjects" => devinf.large_objects = self.flag()?,
                "SupportNumberOfChanges" => devinf.number_of_changes = self.flag()?,
                "DataStore" => devinf.datastores.push(self.datastore()?),
                "CTCap" => self.capabilities(&mut global)?,
                "Ext" => devinf.extensions.push(self.extension()?),
                _ => self.skip()?,
            }
        }
        self.devinf_cost.share(&global, &mut devinf.datastores)?;
        Ok(devinf)
    }

    /// The properties of a document whose root is one, or encloses them or a `CTCap`.
    pub(super) fn property_document(&mut self) -> Result<Vec<Property>, Error> {
        let mut all = Vec::new();
        match &*self.root()? {
            "Property" => {
                let mut capability = Capability::default();
                self.capability_child("Property", &mut capability)?;
                all.push(capability);
            }
            _ => self.capabilities(&mut all)?,
        }
        Ok(all.into_iter().flat_map(|c| c.properties).collect())
    }

    fn owned(&mut self) -> Result<String, Error> {
        Ok(self.text()?.into_owned())
    }

    fn count(&mut self) -> Result<Option<u64>, Error> {
        Ok(self.text()?.parse().ok())
    }

    fn datastore(&mut self) -> Result<DataStore, Error> {
        self.devinf_cost.datastore()?;
        let mut datastore = DataStore::default();
        while let Some(name) = self.child()? {
            match &*name {
                "SourceRef" => datastore.source_ref = self.owned()?,
                "DisplayName" => datastore.display_name = Some(self.owned()?),
                "MaxGUIDSize" => datastore.max_guid_size = self.count()?,
                "Rx-Pref" => datastore.rx_pref = Some(self.content_type()?),
                "Rx" => datastore.rx.push(self.content_type()?),
                "Tx-Pref" => datastore.tx_pref = Some(self.content_type()?),
                "Tx" => datastore.tx.push(self.content_type()?),
                "CTCap" => self.capabilities(&mut datastore.capabilities)?,
                "DSMem" => datastore.memory = Some(self.memory()?),
                "SupportHierarchicalSync" => datastore.hierarchical = self.flag()?,
                "SyncCap" => {
                    while let Some(name) = self.child()? {
                        match &*name {
                            "SyncType" => datastore.sync_types.extend(self.count()?),
                            _ => self.skip()?,
                        }
                    }
                }
                "Filter-Rx" => datastore.filter_rx.push(self.content_type()?),
                "FilterCap" => datastore
                    .filter_capabilities
                    .push(self.filter_capability()?),
                _ => self.skip()?,
            }
        }
        Ok(datastore)
    }

    fn content_type(&mut self) -> Result<ContentType, Error> {
        let mut pair = ContentType::default();
        while let Some(name) = self.child()? {
            match &*name {
                "CTType" => pair.media_type = self.owned()?,
                "VerCT" => pair.version = self.owned()?,
                _ => self.skip()?,
            }
        }
        Ok(pair)
    }

    fn memory(&mut self) -> Result<Memory, Error> {
        let mut memory = Memory::default();
        while let Some(name) = self.child()? {
            match &*name {
                "SharedMem" => memory.shared = self.flag()?,
                "MaxMem" => memory.max_bytes = self.count()?,
                "MaxID" => memory.max_ids = self.count()?,
                _ => self.skip()?,
            }
        }
        Ok(memory)
    }

    fn filter_capability(&mut self) -> Result<FilterCapability, Error> {
        let mut capability = FilterCapability::default();
        while let Some(name) = self.child()? {
            match &*name {
                "CTType" => capability.content_type.media_type = self.owned()?,
                "VerCT" => capability.content_type.version = self.owned()?,
                "FilterKeyword" => capability.keywords.push(self.owned()?),
                "PropName" => capability.properties.push(self.owned()?),
                _ => self.skip()?,
            }
        }
        Ok(capability)
    }

    // spec: F19
    fn extension(&mut self) -> Result<(String, Vec<String>), Error> {
        let (mut title, mut values) = (String::new(), Vec::new());
        while let Some(name) = self.child()? {
            if name.eq_ignore_ascii_case("XNam") {
                title = self.owned()?;
            } else if name.eq_ignore_ascii_case("XVal") {
                values.push(self.owned()?);
            } else {
                self.skip()?;
            }
        }
        Ok((title, values))
    }

    /// One `CTCap`: the flat list of 1.0 and 1.1, in which order is the meaning, or the nested
    /// form of 1.2; devices mix them.
    // spec: F13 F14
    fn capabilities(&mut self, all: &mut Vec<Capability>) -> Result<(), Error> {
        let first = all.len();
        while let Some(name) = self.child()? {
            if name == "CTCap" {
                // in the fragment of a field filter, around the properties
                self.capabilities(all)?;
                continue;
            }
            if name == "CTType" {
                all.push(Capability {
                    media_type: self.owned()?,
                    ..Capability::default()
                });
                continue;
            }
            if all.len() == first {
                all.push(Capability::default());
            }
            match all.last_mut() {
                Some(capability) => self.capability_child(&name, capability)?,
                None => self.skip()?,
            }
        }
        for capability in all.iter_mut().skip(first).filter(|c| c.version.is_empty()) {
            let version = capability
                .properties
                .iter()
                .find(|p| p.name.eq_ignore_ascii_case("VERSION"));
            if let Some([only]) = version.map(|property| property.values.as_slice()) {
                capability.version.clone_from(only);
            }
        }
        Ok(())
    }

    fn capability_child(&mut self, name: &str, capability: &mut Capability) -> Result<(), Error> {
        match name {
            "VerCT" => capability.version = self.owned()?,
            "FieldLevel" => capability.field_level = self.flag()?,
            "Property" => {
                capability.properties.push(Property::default());
                self.property_block(&mut capability.properties)?;
            }
            "PropName" => {
                let name = self.owned()?;
                capability.properties.push(Property {
                    name,
                    ..Property::default()
                });
            }
            _ => match capability.properties.last_mut() {
                Some(property) => {
                    let in_parameter = !property.parameters.is_empty();
                    self.property_child(name, property, in_parameter)?;
                }
                None => self.skip()?,
            },
        }
        Ok(())
    }

    /// The children of a `Property` block, whose first property is the last one of these. A second
    /// `PropName` begins another one: some devices put all that they list into one block.
    fn property_block(&mut self, properties: &mut Vec<Property>) -> Result<(), Error> {
        let (mut is_named, mut in_parameter) = (false, false);
        while let Some(name) = self.child()? {
            match &*name {
                "PropName" => {
                    if std::mem::replace(&mut is_named, true) {
                        properties.push(Property::default());
                    }
                    in_parameter = false;
                }
                "ParamName" => in_parameter = true,
                "PropParam" => in_parameter = false,
                _ => {}
            }
            match properties.last_mut() {
                Some(property) => self.property_child(&name, property, in_parameter)?,
                None => self.skip()?,
            }
        }
        Ok(())
    }

    /// A child of a property. Before 1.2 what follows a `ParamName` is the parameter's, where it is
    /// `in_parameter`.
    fn property_child(
        &mut self,
        name: &str,
        property: &mut Property,
        in_parameter: bool,
    ) -> Result<(), Error> {
        match (name, property.parameters.last_mut()) {
            ("PropName", _) => property.name = self.owned()?,
            ("MaxOccur", _) => property.max_occur = self.count()?,
            ("NoTruncate", _) => property.no_truncate = self.flag()?,
            ("ParamName", _) => {
                let name = self.owned()?;
                property.parameters.push(Parameter {
                    name,
                    ..Parameter::default()
                });
            }
            ("PropParam", _) => {
                let mut parameter = Parameter::default();
                while let Some(name) = self.child()? {
                    self.parameter_child(&name, &mut parameter)?;
                }
                property.parameters.push(parameter);
            }
            (_, Some(parameter)) if in_parameter => self.parameter_child(name, parameter)?,
            ("DataType", _) => property.data_type = Some(self.owned()?),
            ("Size" | "MaxSize", _) => property.max_size = self.count()?,
            ("ValEnum", _) => property.values.push(self.owned()?),
            ("DisplayName", _) => property.display_name = Some(self.owned()?),
            _ => self.skip()?,
        }
        Ok(())
    }

    fn parameter_child(&mut self, name: &str, parameter: &mut Parameter) -> Result<(), Error> {
        match name {
            "ParamName" => parameter.name = self.owned()?,
            "DataType" => parameter.data_type = Some(self.owned()?),
            "Size" | "MaxSize" => parameter.max_size = self.count()?,
            "ValEnum" => parameter.values.push(self.owned()?),
            "DisplayName" => parameter.display_name = Some(self.owned()?),
            _ => self.skip()?,
        }
        Ok(())
    }
}
