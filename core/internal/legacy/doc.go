// Package legacy is what a connection needs whose peer speaks one of the original's dialects.
package legacy
