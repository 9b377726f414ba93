package relay

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
)

// TopicOfAll is the topic of messages for all clients, TopicOfNodes the topic of messages for all nodes, and TopicOfWatchers the topic of
// what changes about clients.
const (
	TopicOfAll      = "all"
	TopicOfNodes    = "nodes"
	TopicOfWatchers = "watchers"
)

// TopicOfNode returns the topic of one node. Only that node subscribes to it.
func TopicOfNode(node uint64) string { return "node-" + strconv.FormatUint(node, 16) }

// TopicOf returns the topic for an audience at other nodes. Only nodes with such clients subscribe to it. Names are hashed: so topics have
// one length, and no name can be mistaken for something else. Each message has the name too, for the case that two are the same.
func TopicOf(to Audience, name string) string {
	switch to {
	case ToGroup:
		return "group-" + hashed(name)
	case ToUser:
		return "user-" + hashed(name)
	case ToNamed, ToOne:
		return "name-" + hashed(name)
	case ToNodes:
		return TopicOfNodes
	case ToWatchers:
		return TopicOfWatchers
	}
	return TopicOfAll
}

// KeyOfName returns the key of the claim on a name, which is folded.
func KeyOfName(name string) string { return "name-" + hashed(name) }

// KeyOfUser returns the key of the claim on one of the places of a user.
func KeyOfUser(user string, place int) string {
	return "user-" + hashed(user) + "-" + strconv.Itoa(place)
}

func hashed(name string) string {
	sum := sha256.Sum256([]byte(name))
	return base64.RawURLEncoding.EncodeToString(sum[:24])
}
