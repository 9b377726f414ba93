// Package media has tests that run over every medium, or over real sockets: order, groups, networks that fail, how connections end.
package media
