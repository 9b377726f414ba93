package model

import "math"

// A Workload is what clients do. Rates are for each second.
type Workload struct {
	Name  string // in file names
	Title string
	About string

	PerClient float64 // groups that a client is in
	Mean      float64 // members of a group
	Exponent  float64 // the size of the group of rank i is proportional to i to the power of -Exponent (Zipf's law)
	Largest   float64 // members of the largest group, at most

	Say     float64 // messages that a client sends, each to one of its groups
	MostSay float64 // messages in one group, at most: people do not read faster
	Ticker  float64 // messages to all clients, which one node sends
	Direct  float64 // messages that a client sends to a client that it names
	Find    float64 // clients that a client looks up by name
	Ask     float64 // questions to all nodes that a client causes: counts, members
	Size    float64 // of a message, in bytes

	Named   bool    // clients have names
	Unique  bool    // and no two have the same one
	Stay    float64 // how long a client stays, in seconds
	Notices bool    // clients are told of clients of other nodes
	Told    float64 // clients that are told of one that comes or goes
}

// Workloads are the workloads of docs/scaling.md.
func Workloads() []Workload {
	return []Workload{
		{
			Name: "chat", Title: "Chat rooms",
			About: "Each client is in 5 rooms of 50 members in the mean and 10,000 at most, says something of 200 B every 50 s, " +
				"and stays for half an hour. In no room there are more than 5 messages a second.",
			PerClient: 5, Mean: 50, Exponent: 0.8, Largest: 10_000, Say: 0.02, MostSay: 5, Size: 200, Stay: 1800,
		},
		{
			Name: "ticker", Title: "A ticker to all",
			About:  "One node sends 10 messages of 100 B a second to all clients, which stay for half an hour.",
			Ticker: 10, Size: 100, Stay: 1800,
		},
		{
			Name: "presence", Title: "Presence",
			About: "Clients have unique names, and stay for 10 minutes. Of each that comes or goes 20 others are told, at all nodes. Each is in 2 " +
				"groups of 20 members in the mean and 500 at most, says something of 100 B every 30 s, and asks all nodes for the number of members of a group every 10 minutes.",
			PerClient: 2, Mean: 20, Exponent: 0.6, Largest: 500, Say: 1.0 / 30, MostSay: 5, Size: 100, Stay: 600,
			Named: true, Unique: true, Notices: true, Told: 20, Ask: 1.0 / 600,
		},
		{
			Name: "direct", Title: "Direct messages",
			About:  "Clients have unique names, and stay for half an hour. Each sends a message of 200 B to another client every 10 s, and looks one up every 10 minutes.",
			Direct: 0.1, Find: 1.0 / 600, Size: 200, Stay: 1800, Named: true, Unique: true,
		},
	}
}

// A Bucket is some groups of about the same size.
type Bucket struct {
	Groups  float64
	Members float64 // of each
}

// Buckets returns the groups of that many clients.
func (w *Workload) Buckets(clients float64) []Bucket {
	if w.PerClient == 0 {
		return nil
	}
	groups := math.Max(math.Round(clients*w.PerClient/w.Mean), 1)
	largest := math.Min(w.Largest, clients)
	var ranks [][2]float64 // from, to
	for from := 1.0; from <= groups; {
		to := math.Min(math.Floor(from*1.2), groups)
		ranks = append(ranks, [2]float64{from, to})
		from = to + 1
	}
	size := func(scale float64, r [2]float64) float64 { // of the middle rank
		return math.Min(math.Max(scale*math.Pow(math.Sqrt(r[0]*r[1]), -w.Exponent), 1), largest)
	}
	low, high := 0.0, 1e12
	for range 100 {
		scale, members := (low+high)/2, 0.0
		for _, r := range ranks {
			members += size(scale, r) * (r[1] - r[0] + 1)
		}
		if members < clients*w.PerClient {
			low = scale
		} else {
			high = scale
		}
	}
	all := make([]Bucket, len(ranks))
	for i, r := range ranks {
		all[i] = Bucket{Groups: r[1] - r[0] + 1, Members: size(low, r)}
	}
	return all
}

// Said returns how many messages a second there are in a group of that size.
func (w *Workload) Said(members float64) float64 {
	return math.Min(members*w.Say/w.PerClient, w.MostSay)
}

// Somewhere returns in how many of n boxes there is something, if things are laid into them at random.
func Somewhere(n, things float64) float64 {
	if n <= 1 {
		return math.Min(n, things)
	}
	return n * -math.Expm1(things*math.Log1p(-1/n))
}
