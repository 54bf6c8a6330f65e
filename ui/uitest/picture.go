package uitest

import (
	"math"
	"math/big"

	"sonm/app/event"
	"sonm/engine/fog"
)

// portion is a * n / of.
func portion(a fog.Amount, n, of int) fog.Amount {
	v := a.Big()
	v.Mul(v, big.NewInt(int64(n)))
	p, err := fog.AmountOf(v.Quo(v, big.NewInt(int64(of))))
	if err != nil {
		panic(err) // a part of an amount is one
	}
	return p
}

// draw is a ball on a chequered floor under an evening sky, as far as the job
// has come: tiles arrive in an order that looks like many computers at work.
func draw(j event.Job) event.Picture {
	p := event.Picture{Width: j.Width, Height: j.Height, RGBA: make([]byte, 4*j.Width*j.Height)}
	across := (j.Width + Tile - 1) / Tile
	total := across * ((j.Height + Tile - 1) / Tile)
	for n := range min(j.Done, total) {
		t := order(n, total)
		paint(&p, t%across*Tile, t/across*Tile)
	}
	return p
}

// order is a permutation of 0..total-1: a stride that shares no factor with it.
func order(n, total int) int {
	stride := total*5/8 | 1
	for gcd(stride, total) != 1 {
		stride += 2
	}
	return n * stride % total
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func paint(p *event.Picture, x0, y0 int) {
	for y := y0; y < min(y0+Tile, p.Height); y++ {
		for x := x0; x < min(x0+Tile, p.Width); x++ {
			r, g, b := colour((float64(x)-float64(p.Width)/2)/float64(p.Height), 0.5-float64(y)/float64(p.Height))
			o := 4 * (y*p.Width + x)
			p.RGBA[o], p.RGBA[o+1], p.RGBA[o+2], p.RGBA[o+3] = level(r), level(g), level(b), 255
		}
	}
}

func level(v float64) byte { return byte(255 * math.Sqrt(min(max(v, 0), 1))) }

// colour is what is seen at u to the right and v above the middle.
func colour(u, v float64) (r, g, b float64) {
	const radius = 0.27
	if d := u*u + v*v; d < radius*radius {
		n := math.Sqrt(radius*radius-d) / radius
		light := max(0.05, (-u*0.5+v*0.7)/radius*0.6+n*0.55)
		shine := math.Pow(max(0, light), 24)
		return 0.75*light + shine, 0.22*light + shine, 0.12*light + shine
	}
	if v > -0.1 {
		h := v + 0.1
		return 0.45 - 0.4*h, 0.42 - 0.2*h, 0.5 + 0.1*h
	}
	depth := 0.09 / (-v - 0.09 + 0.011)
	tone := 0.16
	if (int(math.Floor(u*depth*5))+int(math.Floor(depth*4)))&1 == 0 {
		tone = 0.5
	}
	if s := (u-0.1)*(u-0.1)*2 + (v+0.3)*(v+0.3)*16; s < 0.14 {
		tone *= 0.25 + 0.75*s/0.14
	}
	return tone * 0.95, tone * 0.9, tone
}
