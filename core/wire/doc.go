// Package wire turns hisock's frames into bytes and back.
package wire
