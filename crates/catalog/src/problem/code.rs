use std::fmt;

/// How much a problem weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is taken over before it is mended.
    Error,
    /// It may be meant so; a person should look.
    Warning,
    /// Said once, for the record.
    Note,
}

impl Severity {
    /// `error`, `warning` or `note`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Declares the codes with their names, so that none can be forgotten.
macro_rules! codes {
    ($($code:ident $name:literal,)*) => {
        /// What is wrong, as one word: the same in files, answers and pages.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the names are the documentation")]
        pub enum Code { $($code,)* }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// The word: `unknown_key`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }
        }
    };
}

codes! {
    // Everywhere.
    Missing "missing",
    WrongType "wrong_type",
    NotInteger "not_integer",
    OutOfRange "out_of_range",
    UnknownKey "unknown_key",
    UnknownValue "unknown_value",
    DuplicateKey "duplicate_key",
    TooMany "too_many",
    TooLarge "too_large",
    TooDeep "too_deep",
    // Parameters.
    MalformedJson "malformed_json",
    UnknownUnit "unknown_unit",
    DuplicateUnit "duplicate_unit",
    UnitNotForType "unit_not_for_type",
    RangeOverflow "range_overflow",
    NegativeOnIndex "negative_on_index",
    SizeNotForDataType "size_not_for_data_type",
    Conflict "conflict",
    MalformedRule "malformed_rule",
    CircularRule "circular_rule",
    NotForRule "not_for_rule",
    // Sites and boxes.
    UnknownReference "unknown_reference",
    UnknownModel "unknown_model",
    Duplicate "duplicate",
    DuplicateAddress "duplicate_address",
    BadCharacters "bad_characters",
    NotASerialPort "not_a_serial_port",
    NeedsTls "needs_tls",
    // Files as a whole.
    MalformedToml "malformed_toml",
    NotUtf8 "not_utf8",
    Empty "empty",
    NotAFile "not_a_file",
    SecretFileMode "secret_file_mode",
    // Warnings and notes.
    NoEffect "no_effect",
    LooksLike3xxxxName "looks_like_3xxxx_name",
    LooksLike4xxxxName "looks_like_4xxxx_name",
    NegativeFactor "negative_factor",
    Overlap "overlap",
    LosesResolution "loses_resolution",
    Float16OnIndex "float16_on_index",
    SevenDataBits "seven_data_bits",
    MixedLines "mixed_lines",
    BusOverload "bus_overload",
    DataTypeAssumed "data_type_assumed",
    // What applying would do.
    MetersRetired "meters_retired",
    ScaleChange "scale_change",
    IndexIdentityCheck "index_identity_check",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
