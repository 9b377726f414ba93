//go:build !js

package core

// hasStandstill says that calls which wait for each other are found out.
const hasStandstill = true
