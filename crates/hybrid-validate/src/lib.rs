//! Rules for values read from requests.
