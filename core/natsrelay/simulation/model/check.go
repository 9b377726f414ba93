package model

import (
	"encoding/json"
	"os"
)

// A Check is a figure of a real cluster beside what the model says.
type Check struct {
	Cluster  string
	What     string
	Unit     string // "ms" of processor time a second, or "" for messages a second
	Measured float64
	Computed float64
}

// ReadChecks reads checks from a file.
func ReadChecks(path string) (c []Check, err error) {
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	return c, err
}

// SaveChecks writes checks to a file.
func SaveChecks(path string, c []Check) error {
	b, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
