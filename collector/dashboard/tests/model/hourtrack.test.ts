import { describe, expect, test } from 'vitest'
import { HourTrack, MINUTES } from '../../src/model/hourtrack'

const MINUTE = 60_000
const NOW = 1_000 * MINUTE + 30_000

describe('the last hour by the minute', () => {
  test('nothing read is nothing drawn', () => {
    expect(new HourTrack().points(NOW)).toEqual(Array(MINUTES).fill(null))
  })
  test('a minute is the mean of its readings, and a real zero counts', () => {
    const track = new HourTrack()
    track.add(NOW, 0)
    track.add(NOW + 1_000, 50)
    expect(track.points(NOW).at(-1)).toBe(25)
  })
  test('history lies to the left of now, with its gaps', () => {
    const track = new HourTrack()
    track.fill(NOW - 3 * MINUTE, 30, 12)
    track.fill(NOW - MINUTE, 10, 12)
    expect(track.points(NOW).slice(-4)).toEqual([30, null, 10, null])
  })
  test('of two accounts of a minute the one with more readings stays', () => {
    const track = new HourTrack()
    track.add(NOW, 100)
    track.fill(NOW, 40, 12)
    expect(track.points(NOW).at(-1)).toBe(40)
    track.fill(NOW, 90, 3)
    expect(track.points(NOW).at(-1)).toBe(40)
  })
  test('live readings go on where history ends', () => {
    const track = new HourTrack()
    track.fill(NOW, 40, 3)
    track.add(NOW, 80)
    expect(track.points(NOW).at(-1)).toBe(50)
  })
  test('it never holds more than an hour', () => {
    const track = new HourTrack()
    for (let minute = 0; minute < 10_000; minute++) track.add(minute * MINUTE, minute)
    expect(track.points(9_999 * MINUTE).filter((value) => value !== null)).toHaveLength(MINUTES)
    expect(track.points(5_000 * MINUTE).filter((value) => value !== null)).toHaveLength(0)
  })
})
