package core

// hasStandstill says that calls which wait for each other are found out. The calls of a page do not say
// which of its handlers makes them, so that a page claims and judges nothing.
const hasStandstill = false
