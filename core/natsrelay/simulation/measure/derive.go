package measure

import "github.com/hisock/hisock/core/natsrelay/simulation/model"

// derive computes the costs of what was measured.
func (m *Measurer) derive(c *model.Costs) {
	of := func(name string) float64 { return m.least[name] }
	above := func(a, b float64) float64 { return max(a-b, 0) } // noise may make a difference negative
	c.Write = above(of("deliver one"), of("deliver many")) / max(of("writes one")-of("writes many"), 0.1)
	c.Deliver = above(of("deliver many"), of("writes many")*c.Write)
	c.Read, c.Queue, c.Join, c.Active, c.Socket = of("read"), of("queue"), of("join"), of("active"), of("socket")
	c.Publish, c.Take, c.Ask, c.Answer = of("publish"), of("take"), of("ask"), of("answer")
	c.In, c.Out = of("in"), above(of("in, 9 out"), of("in"))/(sinks+1)
	c.Byte = above(of("in, 9 out, long"), of("in, 9 out")) / longer / (sinks + 2)
	c.Route = above(2*of("route, 1 out"), of("route, 2 out")+of("route, 0 out"))
	c.AloneDeliver, c.AlonePublish, c.AloneTake = of("alone deliver"), of("alone publish"), of("alone take")
	c.AloneIn, c.AloneOut = of("alone in"), above(of("alone in, 9 out"), of("alone in"))/(sinks+1)
	// A part w of what it costs to be alone is left at a rate r: w = 1/(1+r·gather).
	gather := func(alone, busy, together, every float64) float64 {
		w := min(max(above(busy, together)/max(alone-together, 1), 0.01), 1)
		return (1/w - 1) * every / 1e9
	}
	c.GatherHere = gather(c.AloneDeliver, of("busy deliver"), of("deliver one"), of("busy deliver, every"))
	c.Gather = gather(of("alone in, 9 out"), of("busy in, 9 out"), of("in, 9 out"), of("busy in, 9 out, every"))
	c.Change, c.Pass = of("notice"), above(of("notice to some"), of("notice"))/max(of("some"), 1)
	c.Remote, c.Entry, c.Encode, c.EntrySize = of("remote"), of("entry"), of("encode"), float64(EntryBytes())
	c.Topic, c.Sub, c.RouteSub, c.Subscribe = of("topic"), of("sub"), above(of("sub and route"), of("sub")), of("subscribe")
	c.Claim, c.Release, c.Lookup, c.ClaimMemory = of("claim"), of("release"), of("lookup"), of("claim memory")
	c.BucketClaim, c.BucketRelease, c.BucketLookup, c.LookupTime = of("bucket claim"), of("bucket release"), of("bucket lookup"), of("lookup alone")
	c.Sweep, c.BucketSweep = of("sweep"), of("bucket sweep")
	for what, rate := range map[string]*float64{"claim": &c.ClaimRate, "sweep": &c.SweepRate, "release": &c.ReleaseRate, "lookup": &c.LookupRate} {
		if t := of("bucket " + what + ", each"); t > 0 {
			*rate = 1e9 / t
		}
	}
	c.Idle = 8.1 * 1024 // docs/benchmarks.md, memory-used, hisock/ws, resident
	c.Wake = 10_000     // docs/performance.md, "Memory of an idle connection"
}
